import pytest

from dmr_desktop.service.prometheus_text import Family, Histogram, render


def test_a_family() -> None:
    family = Family("dmr_x_total", "counter", "What\nis counted.")
    family.add((), 3)
    family.add((("model", 'a"b\\c\nd'), ("mode", "completion")), 0.25)
    assert render([family, Family("dmr_empty", "gauge", "Nothing.")]) == (
        "# HELP dmr_x_total What\\nis counted.\n"
        "# TYPE dmr_x_total counter\n"
        "dmr_x_total 3\n"
        'dmr_x_total{model="a\\"b\\\\c\\nd",mode="completion"} 0.25\n'
    )


def test_a_histogram_is_cumulative() -> None:
    histogram = Histogram((0.1, 1))
    for value in (0.05, 0.1, 0.5, 7):
        histogram.observe(value)
    family = Family("dmr_seconds", "histogram", "Seconds.")
    family.add_histogram((("model", "m"),), histogram)
    assert render([family]).splitlines()[2:] == [
        'dmr_seconds_bucket{model="m",le="0.1"} 2',
        'dmr_seconds_bucket{model="m",le="1"} 3',
        'dmr_seconds_bucket{model="m",le="+Inf"} 4',
        'dmr_seconds_sum{model="m"} 7.65',
        'dmr_seconds_count{model="m"} 4',
    ]


def test_the_parser_of_prometheus_reads_it() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    histogram = Histogram((0.1, 1))
    histogram.observe(0.3)
    seconds = Family("dmr_seconds", "histogram", 'Seconds with a "quote" and a \\.')
    seconds.add_histogram((("model", 'weird\\\n"name{},'),), histogram)
    (found,) = parser.text_string_to_metric_families(render([seconds]))
    assert (found.name, found.type) == ("dmr_seconds", "histogram")
    assert {sample.labels["model"] for sample in found.samples} == {'weird\\\n"name{},'}
