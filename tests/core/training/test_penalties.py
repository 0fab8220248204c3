"""The loss with its penalties, and the parts of its gradient, against the weights themselves."""

import math

import torch
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.training.penalties import measure_course, measure_loss
from gradflow.core.training.plan import TrainingPlan


def test_the_first_step_of_a_penalized_run():
    experiment = gf.Experiment(network=gf.MLP(depth=3, width=16), data=gf.Data(batch_size=32))
    plan = TrainingPlan(steps=3, l1=0.01, l2=0.1, reports=3, evaluate_every=0)
    run = gf.Run.collect(experiment, plan)
    first = run.records[0]
    inputs, _targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs)
    weights = [p.detach().double() for n, p in model.named_parameters() if "weight" in n]
    loss = measure_loss(first, first.report)
    assert (loss.step, loss.loss) == (1, first.loss)
    assert_allclose(loss.square, sum((w**2).sum().item() for w in weights), rtol=1e-5)
    assert_allclose(loss.absolute, sum(w.abs().sum().item() for w in weights), rtol=0.01)
    count = sum(w.numel() for w in weights)
    course = measure_course(plan, tuple(run.records), count)
    assert course.steps.tolist() == [1, 2, 3]
    penalty = torch.cat([(0.01 * w.sign()).flatten() for w in weights]).norm()
    penalty += torch.cat([(0.1 * w).flatten() for w in weights]).norm()
    assert_allclose(course.penalty_gradient[0], penalty.item(), rtol=1e-5)
    norms = first.layers["weight_grad_norm"]
    assert_allclose(course.loss_gradient[0], math.sqrt(sum(n**2 for n in norms)))
