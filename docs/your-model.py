# %% [markdown]
# # Your own model under the lens
#
# A model that does not train, what GradFlow says about it, the cure, and a watch on the training
# loop. `scripts/make-notebook` writes this notebook: it runs the cells of `docs/your-model.py`.

# %%
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf

torch.manual_seed(0)
x = torch.randn(256, 20)
y = (x[:, :5].sum(dim=1) > 0).long() + 2 * (x[:, 5] > 0).long()


class Classifier(nn.Module):
    """Blocks of attributes with names of their own, and functional activations."""

    def __init__(self, activation, depth=12, width=64, skip=False):
        super().__init__()
        self.stem = nn.Linear(20, width)
        self.body = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.head = nn.Linear(width, 4)
        self.activation, self.skip = activation, skip

    def forward(self, x):
        h = self.activation(self.stem(x))
        for layer in self.body:
            out = self.activation(layer(h))
            h = h + out if self.skip else out
        return self.head(h)


# %% [markdown]
# ## One pass
# `gf.probe` runs one forward and one backward pass, and leaves the model as it was.

# %%
sick = gf.probe(Classifier(torch.sigmoid), x, y, title="sigmoid, PyTorch's own initialization")
sick

# %% [markdown]
# The figure reads from left (input) to right (loss): the gradient sinks on its way back. The
# numbers behind it are data frames.

# %%
sick.layers[["module", "activation_std", "delta_rms", "weight_grad_norm"]].iloc[[0, 1, 6, 12, 13]]

# %% [markdown]
# ## The cure, and what it changed

# %%
torch.manual_seed(0)
cured = gf.probe(Classifier(F.relu, skip=True), x, y, title="ReLU with a way around each layer")
sick.compare(cured)

# %% [markdown]
# ## In the training loop
# A watch records some steps of a loop as it runs: in its own passes, before clipping, with the
# update that the optimizer really makes.


# %%
def train(model, steps=60, rate=3e-3, **options):
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    with gf.watch(model, every=20, **options) as watch:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return watch


torch.manual_seed(0)
watch = train(Classifier(F.relu, skip=True))
watch.timeline().table()[["step", "loss", "learning_rate", "grad_norm", "clipped_grad_norm"]]

# %%
steps = watch.timeline().layers()
steps.pivot(index="module", columns="step", values="update_ratio").loc[["stem", "body.0", "head"]]

# %% [markdown]
# `gf.figure(watch.timeline())` draws a map of layers and steps, `gf.figure(timeline, layer=3)` how
# the distribution of one layer changes.
#
# ## The first value that is not finite
# Here a division by zero hides in the middle of the model.


# %%
class Normalize(nn.Module):
    def forward(self, h):
        return h / h.norm(dim=1, keepdim=True)  # 0/0 for a sample whose units are all dead


class Risky(Classifier):
    def __init__(self):
        super().__init__(F.relu, depth=2)
        self.normalize = Normalize()

    def forward(self, x):
        h = F.relu(self.stem(x) - 2.5 * (x[:, :1] > 2.5))
        return self.head(self.normalize(h))


torch.manual_seed(0)
risky = Risky()
with torch.no_grad():
    risky.stem.weight.mul_(0.1)
watch = train(risky, on_trouble=lambda trouble: print(trouble.text))

# %% [markdown]
# ## Does the learning rate transfer to a wider model?
# The size of each layer's output is watched over the first steps of networks of several widths.
# What grows with the width needs a smaller rate there.

# %%
check = gf.coordinate_check(
    lambda width: Classifier(F.relu, depth=3, width=width), x, y, widths=(32, 64, 128, 256), steps=2
)
print(check.text)
gf.figure(check)

# %% [markdown]
# ## Take it along
# `watch.save("watch.json")` writes all of it, `report.save("report.json")` one report. Both can be
# dropped on the page *Your model*, and `gf.load` reads them.
