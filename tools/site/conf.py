"""Sphinx' configuration; tools/site/building.py lays out what it reads."""

project = "redis-rehearsal"
extensions = ["myst_parser"]
# Typographic quotes and dashes would change what is to be typed.
smartquotes = False
# To h4, as a code host has anchors.
myst_heading_anchors = 4
# Its report.md is a part of the page about it, and no page of its own.
exclude_patterns = ["sample/*"]
# A block without a language is what a terminal shows.
highlight_language = "none"

html_theme = "furo"
html_title = project
# The theme's own buttons lead to a repository whose address is not known.
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
html_favicon = "../../src/redis_rehearsal/web/page/static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
# LICENSE names the holder.
html_show_copyright = False
