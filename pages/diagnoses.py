"""Diagnoses: what each verdict means, with an example computed on the spot."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import compute, paths
from gradflow.ui.diagnoses import view as diagnoses
from gradflow.ui.explore import report as explore_report
from gradflow.ui.explore.state import EXPLORE

st.title(_("Diagnoses"))
verdict = diagnoses.choose_verdict()
diagnoses.show_explanation(verdict)
experiment = diagnoses.find_example(verdict)
report = compute.run(experiment)
explore_report.show_findings(experiment, lessons=False)
explore_report.show_flow(experiment, report)
if st.button(_("Open this network in Explore"), icon=":material/insights:", type="primary"):
    EXPLORE.replace(experiment)
    st.switch_page(paths.EXPLORE)
