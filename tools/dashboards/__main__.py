"""`python -m tools.dashboards` writes the dashboards."""

from tools.dashboards import main

main()
