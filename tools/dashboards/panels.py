"""What the dashboards are made of: panels with a title, a unit and a description, all of one data source."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink, FieldColor, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard as Made,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    FieldColorModeId,
    ValueMap,
    ValueMappingResult,
)

SOURCE: Final = DataSourceRef("prometheus", "rehearsal-prometheus")
WINDOW: Final = "$__rate_interval"
RANGE: Final = "$__range"
PHASES_ANNOTATION: Final[dict[str, Any]] = {
    # Grafana takes the value for the time, in milliseconds: a phase shorter than an interval is marked where it was.
    "expr": "max by (phase) (rehearsal_phase_start_timestamp_seconds) * 1000",
    "useValueForTime": True,
    "titleFormat": "{{phase}}",
    "textFormat": "the phase {{phase}} began",
    "step": "1s",
}
TAG: Final = "redis-rehearsal"
GREEN, RED, YELLOW, BLUE, ORANGE, GREY = "green", "red", "yellow", "blue", "orange", "text"

Query = tuple[str, str]
"""An expression and its legend."""
Mapped = Mapping[int, tuple[str, str]]
"""Text and colour by value."""
Panel = timeseries.Panel | stat.Panel | statetimeline.Panel | bargauge.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, statetimeline.Panel, bargauge.Panel)


def dashboard(title: str, uid: str, description: str, rows: Sequence[tuple[str, Sequence[Panel]]]) -> Made:
    """A dashboard with the phases as annotations and links to the others.

    Args:
        title: of it.
        uid: by which links find it.
        description: of it.
        rows: of panels, each with its title.
    """
    made = (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time("now-5m", "now")
        .refresh("5s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True))
        .annotation(AnnotationQuery().name("Phases").datasource(SOURCE).enable(True).icon_color("purple"))
    )
    number = 0
    for name, panels in rows:
        number += 1
        made.with_row(Row(name).id(number))
        for panel in panels:
            number += 1
            made.with_panel(panel.id(number))
    return made.build()


def _told(panel: P, title: str, description: str, unit: str, queries: Sequence[Query]) -> P:
    panel.title(title).description(description).unit(unit).datasource(SOURCE)
    for number, (expression, legend) in enumerate(queries):
        query = Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + number)).datasource(SOURCE)
        panel.with_target(query.instant() if RANGE in expression else query.range())
    return panel


def series(
    title: str, description: str, unit: str, *queries: Query, width: int = 8, height: int = 8, most: float | None = None
) -> timeseries.Panel:
    """Lines over time.

    Args:
        title: of the panel.
        description: what it shows, in a sentence.
        unit: as Grafana names it.
        queries: expressions and their legends.
        width: of 24 columns.
        height: in rows.
        most: end of the axis; None for as much as there is.
    """
    panel = _told(timeseries.Panel(), title, description, unit, queries).span(width).height(height)
    panel.min(0).fill_opacity(8).line_width(1.5)
    panel.legend(
        VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE if width > 8 else LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"] if width > 8 else [])
    )
    panel.tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    return panel if most is None else panel.max(most)


def figure(
    title: str, description: str, unit: str, *queries: Query, width: int = 4, mapped: Mapped | None = None
) -> stat.Panel:
    """The last known values, large; arguments as of `series`, and the texts of values."""
    panel = _told(stat.Panel(), title, description, unit, queries).span(width).height(4)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel.graph_mode(BigValueGraphMode.NONE).color_mode(BigValueColorMode.VALUE).no_value("not known yet")
    panel.text_mode(
        BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 or "{{" in queries[0][1] else BigValueTextMode.VALUE
    )
    panel.orientation(VizOrientation.AUTO)
    if mapped:
        panel.mappings([_mapping(mapped)]).color_mode(BigValueColorMode.BACKGROUND)
    else:
        panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(BLUE))
    return panel


def bars(title: str, description: str, unit: str, *queries: Query, width: int = 8) -> bargauge.Panel:
    """The last known values as bars; arguments as of `series`."""
    panel = _told(bargauge.Panel(), title, description, unit, queries).span(width).height(8)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color(BLUE)).no_value("not known yet")
    return panel.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC).min(0)


def states(
    title: str, description: str, mapped: Mapped, *queries: Query, width: int = 24, height: int = 7
) -> statetimeline.Panel:
    """Which state there was when; arguments as of `figure`."""
    panel = _told(statetimeline.Panel(), title, description, "short", queries).span(width).height(height)
    return panel.mappings([_mapping(mapped)]).merge_values(True).fill_opacity(70).line_width(0)


def _mapping(mapped: Mapped) -> ValueMap:
    return ValueMap(
        {
            str(value): ValueMappingResult(text=text, color=color, index=place)
            for place, (value, (text, color)) in enumerate(mapped.items())
        }
    )


def quantiles(metric: str, labels: str = "", by: str = "") -> list[Query]:
    """p50, p95 and p99 of a histogram.

    Args:
        metric: its name.
        labels: a selector, without braces.
        by: further labels to keep, each followed by a comma.
    """
    selector = f"{{{labels}}}" if labels else ""
    rates = f"sum by ({by}le) (rate({metric}_bucket{selector}[{WINDOW}]))"
    return [
        (f"histogram_quantile({ratio}, {rates})", name) for ratio, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ]


def rate(metric: str, by: str = "") -> str:
    """By second."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}[{WINDOW}]))"


def last(selector: str) -> str:
    """What a metric was last: of a run that has ended it was there for a moment only, between two steps of a graph."""
    return f"last_over_time({selector}[{RANGE}])"


def numbered(metric: str, label: str, values: Sequence[str], seen: Callable[[str], str] = str) -> str:
    """A state set as the number of its state, from 1.

    Args:
        metric: its name.
        label: that has the states.
        values: of the label.
        seen: `last` for what is to be seen after the run too.
    """
    selectors = [f'{metric}{{{label}="{value}"}}' for value in values]
    return " + ".join(f"{place} * max({seen(selector)})" for place, selector in enumerate(selectors, 1))


HIT_RATIO: Final = (
    f"{rate('rehearsal_cache_hits_total')} "
    f"/ ({rate('rehearsal_cache_hits_total')} + {rate('rehearsal_cache_misses_total')})"
)
