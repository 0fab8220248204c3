"""All advice for probed models: what to change, in words and as a line of code."""

from __future__ import annotations

from dataclasses import dataclass

from gradflow.core.remedies.table import REMEDIES
from gradflow.core.text import N_, Text
from gradflow.core.verdict import Verdict


@dataclass(frozen=True)
class Advice:
    """A cure that the owner of a model makes by hand.

    Attributes:
        code: stable name; that of the row of ``REMEDIES`` which does the same, if there is one.
        title: what to do, in a few words.
        reason: what it does and why that can help.
        line: the line of PyTorch that does it.
        verdict: what it is an answer to; ``None`` before it is given.
    """

    code: str
    title: Text
    reason: Text
    line: str
    verdict: Verdict | None = None


def _take_remedy(code: str, line: str) -> Advice:
    remedy = REMEDIES[code]
    return Advice(code, Text(remedy.label), Text(remedy.change), line)


def _write(code: str, title: str, reason: str, line: str) -> Advice:
    return Advice(code, Text(title), Text(reason), line)


_ROWS = (
    _take_remedy("standardize", "x = (x - x_train.mean(0)) / x_train.std(0).clamp_min(1e-6)"),
    _take_remedy("scale_targets", "y = (y - y_train.mean()) / y_train.std()"),
    _take_remedy("logits", "return self.readout(h)  # no softmax, sigmoid or ReLU on it"),
    _take_remedy("sigmoid", "return torch.sigmoid(self.readout(h))"),
    _take_remedy("right_loss", "loss = F.cross_entropy(logits, target)  # it has its log_softmax"),
    _take_remedy("relu_he", 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'),
    _take_remedy("leaky_relu", "h = nn.functional.leaky_relu(layer(h))"),
    _take_remedy("he", 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'),
    _take_remedy("xavier", "nn.init.xavier_normal_(layer.weight)"),
    _take_remedy("layer_norm", "h = nn.LayerNorm(width)(h)  # made once, in __init__"),
    _take_remedy("group_norm", "nn.GroupNorm(groups, channels)  # in place of nn.BatchNorm2d"),
    _take_remedy("preactivation", "h = h + branch(h)"),
    _take_remedy("pre_norm", "h = h + attention(norm(h))"),
    _take_remedy("warm_up", "LinearLR(optimizer, start_factor=0.01, total_iters=500)"),
    _take_remedy("adam", "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)"),
    _take_remedy("loss_scale", "scaler = torch.amp.GradScaler()"),
    _take_remedy("bfloat16", 'with torch.autocast("cuda", dtype=torch.bfloat16): ...'),
    _write(
        "small_readout",
        N_("A smaller readout"),
        N_("Logits of size 1 leave every answer open; large ones have to be unlearned first."),
        "nn.init.zeros_(model.readout.weight)",
    ),
    _write(
        "shapes",
        N_("The same shape for both"),
        N_("A column minus a row is a square: every output is compared with every target."),
        "loss = F.mse_loss(output.squeeze(1), target)",
    ),
    _write(
        "binary_loss",
        N_("A loss for one output"),
        N_("A softmax over one output is always 1; BCE with logits takes one number per sample."),
        "loss = F.binary_cross_entropy_with_logits(output.squeeze(1), target.float())",
    ),
    _write(
        "straight_through",
        N_("Pass the gradient by the step"),
        N_("A step has the slope 0; this one gives its value, and the gradient of what enters it."),
        "h = h + (h.round() - h).detach()",
    ),
    _write(
        "gradcheck",
        N_("Check your own backward pass"),
        N_("gradcheck compares what it returns with slopes measured by small steps."),
        "x = torch.randn(4, 8, dtype=torch.float64, requires_grad=True)\n"
        "torch.autograd.gradcheck(Function.apply, x)",
    ),
    _write(
        "thaw",
        N_("Thaw what is to learn"),
        N_("Parameters without requires_grad get no gradient and stay as they are."),
        "model.requires_grad_(True)",
    ),
    _write(
        "attach",
        N_("Keep the graph whole"),
        N_("What is detached, made of indices or computed without gradient returns none."),
        "h = layer(h)  # no .detach(), .item(), argmax or torch.no_grad() on the way",
    ),
    _write(
        "module_list",
        N_("Register the modules"),
        N_("Modules in a plain list are no part of the model: no optimizer sees them."),
        "self.layers = nn.ModuleList(layers)",
    ),
    _write(
        "zero_bias",
        N_("Biases of 0"),
        N_("A bias far below 0 keeps a unit off for every sample, so that nothing moves it."),
        "nn.init.zeros_(layer.bias)",
    ),
    _write(
        "epsilon",
        N_("Keep off the singular point"),
        N_("The slope of a root, a logarithm or a quotient at 0 is infinite; times 0 it is NaN."),
        "(x + 1e-8).sqrt()",
    ),
    _write(
        "data",
        N_("Look at the data"),
        N_("What is missing, infinite or always 0 in the data no network can mend."),
        "assert x.isfinite().all() and x.std() > 0",
    ),
    _write(
        "clip",
        N_("Clip the gradient"),
        N_("Bounds every step, so that none throws the weights far off."),
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    ),
    _write(
        "small_branch",
        N_("A smaller branch"),
        N_(
            "A block adds the variance of its branch; a factor that starts at 0 adds none at first."
        ),
        "h = h + self.alpha * branch(h)  # self.alpha = nn.Parameter(torch.zeros(1))",
    ),
    _write(
        "shortcuts",
        N_("Shortcuts around attention and perceptron"),
        N_("What enters is added to what each makes of it, so that signal and gradient pass both."),
        "x = x + self.attention(self.norm1(x))\nx = x + self.mlp(self.norm2(x))",
    ),
    _write(
        "binary_targets",
        N_("Classes 0 and 1"),
        N_("BCE takes probabilities: with targets beyond 0 and 1 the loss falls without end."),
        "target = (target > 0).float()",
    ),
    _write(
        "dimension",
        N_("A softmax over the outputs"),
        N_("Over the samples, what comes out for one of them depends on all others."),
        "probabilities = logits.softmax(dim=-1)",
    ),
    _write(
        "sign",
        N_("The right sign"),
        N_("An optimizer goes down: with a minus before the loss it makes the answers worse."),
        "loss = F.cross_entropy(logits, target)  # no minus before it",
    ),
    _write(
        "slope",
        N_("A loss that has a slope here"),
        N_("Where the loss or the last step is flat, nothing is learned, whatever the weights."),
        "assert torch.autograd.grad(loss, output, retain_graph=True)[0].any()",
    ),
    _write(
        "forget_bias",
        N_("Forget gates that start open"),
        N_("With a bias of 1 or more the cell state, and its gradient, last many steps."),
        "nn.init.ones_(lstm.bias_hh_l0.detach().chunk(4)[1])",
    ),
    _write(
        "lstm",
        N_("A gated cell"),
        N_("The cell state of an LSTM adds up from step to step instead of being multiplied."),
        "nn.LSTM(features, hidden, batch_first=True)",
    ),
    _write(
        "orthogonal_states",
        N_("Orthogonal recurrent weights"),
        N_("A rotation neither shrinks nor stretches a state from step to step."),
        "nn.init.orthogonal_(rnn.weight_hh_l0)",
    ),
)
ADVICE: dict[str, Advice] = {row.code: row for row in _ROWS}
"""All advice by its code."""
