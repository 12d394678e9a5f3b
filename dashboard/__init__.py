"""The pages: Streamlit on top of `core`. Nothing below imports it."""
