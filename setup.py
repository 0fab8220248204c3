"""What pyproject.toml cannot say: the app around the package is installed inside it.

``app.py``, ``pages/`` and ``.streamlit/`` stand where ``streamlit run app.py`` looks for them; in
an installed package they are in ``gradflow/app/`` (``gradflow/ui/paths.py``).
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["gradflow", "gradflow.*"]), "gradflow.app"],
    script_name="setup.py",  # by which it knows itself, and stays out of the folder
)
