"""Pictures of a report: lines over a few named points, with axes, a legend and whiskers, as SVG.
Plain enough to be read in a page and in a diff."""
import html
import math

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 200, 48, 56
COLOURS = ("#1b6ca8", "#c8553d", "#5b8c5a", "#7d5ba6", "#8a6d3b")
INK, GRID = "#222222", "#dddddd"
TICKS = 5


def _text(x, y, text, anchor="middle", size=12, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{INK}"{more}>{html.escape(text)}</text>')


def _line(x1, y1, x2, y2, colour, width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def nice_step(most, ticks=TICKS):
    """1, 2 or 5 times a power of ten, so that about so many steps reach most."""
    raw = most / ticks
    power = 10 ** math.floor(math.log10(raw))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= raw * 0.999)


def _linear(values):
    most = max(values) or 1.0
    step = nice_step(most)
    count = math.ceil(most / step - 1e-9)
    return 0.0, step * count, [step * i for i in range(count + 1)]


def _logarithmic(values):
    """Decades around them, with 2 and 5 between."""
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)) + 1e-9)
    high = max(high, low + 1)
    ticks = [n * 10.0 ** e for e in range(low, high) for n in (1, 2, 5)] + [10.0 ** high]
    return 10.0 ** low, 10.0 ** high, ticks


def _label(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


class _Scale:
    """From values to heights in the picture."""

    def __init__(self, values, log):
        self.log = log
        self.low, self.high, self.ticks = (_logarithmic if log else _linear)(values)

    def y(self, value):
        if self.log:
            value, low, high = (math.log10(v) for v in (max(value, self.low), self.low, self.high))
        else:
            low, high = self.low, self.high
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _axes(title, x_label, y_label, points, scale, x_of):
    right = WIDTH - RIGHT
    out = [_text(LEFT, 26, title, "start", 15, ' font-weight="bold"')]
    for tick in scale.ticks:
        y = scale.y(tick)
        out += [_line(LEFT, y, right, y, GRID), _text(LEFT - 8, y + 4, _label(tick), "end")]
    for point in points:
        x = x_of(point)
        out += [_line(x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5, INK),
                _text(x, HEIGHT - BOTTOM + 20, point)]
    out += [_line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, INK),
            _line(LEFT, HEIGHT - BOTTOM, right, HEIGHT - BOTTOM, INK),
            _text((LEFT + right) / 2, HEIGHT - 12, x_label),
            _text(18, (TOP + HEIGHT - BOTTOM) / 2, y_label, more=(
                f' transform="rotate(-90 18 {(TOP + HEIGHT - BOTTOM) / 2:.1f})"'))]
    return out


def _series(rows, colour, scale, x_of):
    """rows: [(point, low, middle, high)]."""
    out = []
    path = " ".join(f"{x_of(p):.1f},{scale.y(v):.1f}" for p, _, v, _ in rows)
    out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for point, low, middle, high in rows:
        x = x_of(point)
        if high > low:
            out.append(_line(x, scale.y(low), x, scale.y(high), colour, 1.0))
        out.append(f'<circle cx="{x:.1f}" cy="{scale.y(middle):.1f}" r="3.5" fill="{colour}"/>')
    return out


def picture(title, x_label, y_label, points, series, log=False):
    """An SVG file's text. series: {name: {point: [values]}}: a point is drawn at their median, with
    a whisker from the least to the greatest."""
    drawn = {name: [(p, min(of[p]), sorted(of[p])[len(of[p]) // 2], max(of[p]))
                    for p in points if of.get(p)] for name, of in series.items()}
    values = [v for rows in drawn.values() for row in rows for v in row[1:] if v > 0]
    if not values:
        return None
    scale = _Scale(values, log)
    between = (WIDTH - RIGHT - LEFT) / len(points)
    x_of = {p: LEFT + between * (i + 0.5) for i, p in enumerate(points)}.__getitem__
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
    out += _axes(title, x_label, y_label, points, scale, x_of)
    for i, (name, rows) in enumerate((n, r) for n, r in drawn.items() if r):
        colour = COLOURS[i % len(COLOURS)]
        out += _series(rows, colour, scale, x_of)
        y = TOP + 10 + 22 * i
        out += [_line(WIDTH - RIGHT + 14, y, WIDTH - RIGHT + 38, y, colour, 2.0),
                _text(WIDTH - RIGHT + 46, y + 4, name, "start")]
    return "\n".join(out + ["</svg>", ""])
