"""Training: a run as it learns, layer by layer; where it breaks; runs side by side."""

from gradflow.ui.present.present import draw_steps, is_presenting
from gradflow.ui.training import state
from gradflow.ui.training.actions import carry_out_press
from gradflow.ui.training.steps import list_training_steps, make_room
from gradflow.ui.training.view import show_training

state.load()
carry_out_press()
if is_presenting():
    make_room()
draw_steps(list_training_steps)
show_training()
