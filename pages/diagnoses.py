"""Diagnoses: what each verdict means, with an example computed on the spot."""

import streamlit as st

from gradflow.core.text import _
from gradflow.ui import compute, diagnoses_view, paths, report_view, state

st.title(_("Diagnoses"))
verdict = diagnoses_view.choose_verdict()
diagnoses_view.show_explanation(verdict)
experiment = diagnoses_view.get_example(verdict)
report = compute.run(experiment)
report_view.show_findings(report, lessons=False)
report_view.show_flow(experiment, report)
if st.button(_("Open this network in Explore"), icon=":material/insights:", type="primary"):
    state.replace(experiment)
    st.switch_page(paths.EXPLORE)
