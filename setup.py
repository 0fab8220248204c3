"""What pyproject.toml cannot say: the app around the package is installed inside it.

``app.py``, ``pages/`` and ``.streamlit/`` stand where ``streamlit run app.py`` looks for them; in
an installed package they are in ``gradflow/app/`` (``gradflow/ui/paths.py``).
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["gradflow", "gradflow.*"]), "gradflow.app"],
    package_dir={"gradflow.app": "."},
    package_data={"gradflow.app": [".streamlit/config.toml", "pages/*.py"]},
)
