"""One recorded forward and backward pass, of any model or of an ``Experiment``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.catalog import DTYPES, LOSSES, Device
from gradflow.core.codec import to_query
from gradflow.core.data import draw_batch
from gradflow.core.errors import DeviceUnavailable, ProbeError
from gradflow.core.experiment import Experiment, LayerSettings
from gradflow.core.networks.build import build_network
from gradflow.core.networks.memory import refuse_too_much_memory
from gradflow.core.networks.noise import seed_noise
from gradflow.core.recording.arguments import Arguments
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.facts import FactTickets
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.ledger import Advance
from gradflow.core.recording.losses import compute_loss, find_modules
from gradflow.core.recording.names import Names
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.plain import run_plainly, strip_compiler
from gradflow.core.recording.preserve import preserve
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.refusals import refuse_new_parameters, refuse_unusable_model
from gradflow.core.recording.result import Recording, add_weights, find_single_tickets
from gradflow.core.recording.summary import Summarizer
from gradflow.core.refusals import refuse_missing_operations
from gradflow.core.report import Report
from gradflow.core.text import Text

LossFunction = Callable[[Any, Any], Tensor]


def probe(
    model: nn.Module,
    inputs: Tensor | tuple[Any, ...] | Mapping[str, Any],
    targets: Any = None,
    *,
    loss: LossFunction = F.cross_entropy,
    loss_scale: float = 1.0,
    learning_rate: float = 0.01,
    clip_norm: float = 0.0,
    title: str = "",
    experiment: Mapping[str, str] | None = None,
    advance: Advance | None = None,
) -> Report:
    """Run one forward and one backward pass of ``model`` and record every layer.

    Nothing of the model changes: parameters, buffers (running statistics included), ``.grad``,
    training mode, hooks and random state are as before, also after an exception. Modules may be
    used more than once, work in place, return tuples, have frozen parameters, and be on any
    device and dtype. What was given to ``torch.compile`` runs as it is written, and so do
    checkpoints.

    Args:
        model: any ``nn.Module``, with inputs on its own device.
        inputs: one argument, a plain tuple of positional arguments, or a mapping of keyword
            arguments. Tensors in them are copied, however nested.
        targets: the second argument of ``loss``.
        loss: ``loss(output, targets)``, a scalar that depends on the parameters. Cross-entropy by
            default; of an output that is no tensor it takes the loss if there is one, else the
            logits.
        loss_scale: the loss is multiplied by it before the backward pass and gradients are
            divided by it before they are counted, as in mixed-precision training.
        learning_rate: for ``update_ratio`` = learning_rate·‖∂L/∂W‖/‖W‖ (a step of plain SGD).
        clip_norm: if positive, that step is clipped by the global norm: ``update_ratio`` is also
            multiplied by min(1, clip_norm/(‖g‖ + 1e-6)), ‖g‖ over all parameters, as
            ``torch.nn.utils.clip_grad_norm_`` does. The recorded gradients are not clipped.
        title: one line that names the model in figures.
        experiment: settings to store with the report, in the form of ``codec.to_query``.
        advance: called between layers, forward and backward; it may wait, and what it raises ends
            the pass.

    Returns:
        A ``Report``: ∂L/∂ of the loss as reduced by ``loss``; norms are Frobenius norms over the
        whole batch, accumulated in float64.

    Raises:
        ProbeError: the loss is not a scalar or does not depend on parameters or inputs, or the
            model cannot be recorded: parameters without values, quantized modules.
        Exception: whatever the model or the loss raises, unchanged.
    """
    given, model = model, strip_compiler(model)
    names = Names(model)
    parameters = names.tensors
    refuse_unusable_model(names)
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        preserve(model, *find_modules(loss)) as guard,
        run_plainly(model),
    ):
        from_inputs = not parameters or not all(p.requires_grad for p in parameters.values())
        arguments = Arguments(inputs, from_inputs=from_inputs)
        leaves = arguments.leaves
        dtype = _find_dtype(parameters, leaves)
        device = next(iter(parameters.values()), torch.empty(0)).device
        kind = HostSummarizer if device.type == "cpu" else DeviceSummarizer
        summarizer: Summarizer = kind(loss_scale)
        parameters_with_gradient = [name for name, p in parameters.items() if p.requires_grad]
        differentiable = [parameters[name] for name in parameters_with_gradient] + leaves
        start = time.perf_counter()
        recorder = Recorder(given, summarizer, advance, guard, names=names)
        with recorder:
            recorder.mark_signals((arguments.positional, arguments.keywords), targets)
            output = model(*arguments.positional, **arguments.keywords)
            if recorder.has_grown():
                refuse_new_parameters(model, parameters)
            recorder.ignore_activations()
            if isinstance(targets, Tensor) and targets.is_inference():
                targets = targets.clone()  # one that autograd may save
            value = _check_scalar(compute_loss(loss, output, targets))
        seen = FactTickets.record(
            (arguments.positional, arguments.keywords),
            output,
            targets,
            value,
            summarizer,
            recorder.find_axis,
        )
        del output
        recorder.watch_unseen(value)
        scaled = value * loss_scale if loss_scale != 1 else value
        grads = torch.autograd.grad(scaled, differentiable, allow_unused=True)
        gradients = {
            name: grad.to_dense() if grad.layout is not torch.strided else grad
            for name, grad in zip(parameters_with_gradient, grads, strict=False)
            if grad is not None  # type: ignore[redundant-expr]
        }
        weights = add_weights(recorder.records, parameters, gradients, summarizer)
        summaries = summarizer.collect()
        tickets = find_single_tickets(weights)
        measured = Parameters.measure(parameters, gradients, tickets, summaries, loss_scale)
        grad_norm = measured.total_grad_norm
        rate = learning_rate * (min(1.0, clip_norm / (grad_norm + 1e-6)) if clip_norm else 1.0)
        seconds = time.perf_counter() - start
        recording = Recording.from_recorder(
            model,
            recorder,
            summaries,
            measured,
            weights,
            loss=float(value.detach()),
            loss_scale=loss_scale,
            dtype=recorder.ledger.find_format(dtype),
            device=str(device),
            seconds=seconds,
            title=title or type(model).__name__,
            experiment=experiment,
            facts=seen.make_facts(parameters, measured, recorder, summaries),
        )
        return recording.make_report(measured.compute_update_ratio(rate), rate / learning_rate)


def run(experiment: Experiment, *, advance: Advance | None = None) -> Report:
    """Draw the data, build the network, and probe it.

    Args:
        experiment: the settings.
        advance: called between layers, as in ``probe``, and while the weights are drawn.

    Raises:
        DeviceUnavailable: the experiment asks for a GPU and there is none.
        InvalidExperiment: it takes more memory than an experiment may, or PyTorch lacks an
            operation of the network in this dtype on the device.
    """
    refuse_too_much_memory(experiment)
    device = resolve_device(experiment.device)
    dtype = DTYPES[experiment.dtype].dtype
    inputs, targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs, advance)
    if (device.type, dtype) != ("cpu", torch.float32):  # as it is built; a look takes 0.7 ms
        model = model.to(device, dtype)
    seed_noise(model, experiment.seed, device)
    with refuse_missing_operations("dtype", experiment.dtype, device):
        return probe(
            model,
            inputs.to(device, dtype),
            targets.to(device),
            loss=LOSSES[experiment.loss].function,
            loss_scale=experiment.loss_scale,
            learning_rate=experiment.learning_rate,
            clip_norm=experiment.clip_norm,
            title=describe(experiment),
            experiment=to_query(experiment),
            advance=advance,
        )


def resolve_device(device: Device) -> torch.device:
    """Find the torch device that a choice means on this machine: "auto" is a GPU if there is one.

    Raises:
        DeviceUnavailable: "cuda" is chosen and there is no GPU.
    """
    if device is Device.CUDA and not torch.cuda.is_available():
        raise DeviceUnavailable(
            Text(
                'device: "cuda" is not available on this machine (no GPU that PyTorch can use); '
                "choose auto or cpu"
            )
        )
    gpu = device is not Device.CPU and torch.cuda.is_available()
    return torch.device("cuda", torch.cuda.current_device()) if gpu else torch.device("cpu")


def _find_dtype(parameters: Mapping[str, Tensor], leaves: list[Tensor]) -> torch.dtype:
    for tensor in (*parameters.values(), *leaves):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.get_default_dtype()


def _check_scalar(value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.numel() != 1:
        shape = str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
        raise ProbeError(
            Text(
                "loss: returned {shape}, needed is one number (reduce it to its mean)", shape=shape
            )
        )
    if not value.requires_grad:
        raise ProbeError(
            Text(
                "loss: does not depend on any parameter or input that requires a gradient; "
                "check for detach() or no_grad() in the model"
            )
        )
    return value.reshape(())


def describe(experiment: Experiment) -> str:
    """Name the network of an experiment in one line, by its option codes."""
    spec = experiment.network
    if isinstance(spec, LayerSettings):
        parts = [spec.activation, spec.initialization, str(spec.describe_shape())]
        if spec.normalization != "none":
            parts.append(f"{spec.normalization} norm")
        if spec.connection != "plain":
            parts.append(spec.connection)
    else:
        parts = [spec.activation, str(spec.describe_shape()), f"{spec.norm_placement} norm"]
    if spec.architecture != "mlp":
        parts.insert(0, spec.architecture)
    if spec.readout != "none":
        parts.append(f"{spec.readout} readout")
    return ", ".join(parts)
