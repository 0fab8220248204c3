"""The engine: specs, networks, recording, reports. Never streamlit or plotly."""
