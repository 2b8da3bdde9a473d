"""Medians, spreads and ratios of what was measured."""
import statistics


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the quarters, as a share of the median: what one run says of
    another. 0 for fewer than three."""
    if len(values) < 3:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    middle = statistics.median(values)
    return (high - low) / 2 / middle if middle else 0.0


def ratio(a, b):
    """a over b, or None where one is missing."""
    return a / b if a is not None and b else None


def count(value):
    """Of three significant digits: 58,300; 15.1; 0.89."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = 3 - len(str(int(abs(value)))) if abs(value) >= 1 else 2
    return f"{round(value, digits):,.{max(digits, 0)}f}"
