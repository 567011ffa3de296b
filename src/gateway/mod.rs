//! The daemon, as the frontend sees it.
