"""Your model: what ``gf.probe`` has saved of anybody's own model, on Explore's stage."""

from gradflow.ui.fragments import make_fragment
from gradflow.ui.present.present import draw_steps
from gradflow.ui.present.steps import list_page_steps
from gradflow.ui.your_model.gallery import GALLERY
from gradflow.ui.your_model.state import PAGE, load_page
from gradflow.ui.your_model.view import show_page

load_page()
draw_steps(lambda: list_page_steps(PAGE, {code: item.title for code, item in GALLERY.items()}))
make_fragment(show_page)()
