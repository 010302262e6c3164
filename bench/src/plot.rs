//! Figures over time, or over anything else, as an SVG that needs nothing else.

use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const PANEL_HEIGHT: f64 = 190.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
/// Between two panels, for the title of the lower one.
const GAP: f64 = 40.0;
const BOTTOM: f64 = 46.0;
/// Ticks of an axis, at most.
const MAX_TICKS: i32 = 20;
/// Colours that are told apart by people who see colours differently, too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Panels above each other, with the same horizontal axis.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x_title: String,
    pub(crate) panels: Vec<Panel>,
    /// Where on the horizontal axis something happened, and what.
    pub(crate) marks: Vec<(f64, String)>,
}

/// Lines with the same vertical axis.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// With the unit.
    pub(crate) title: String,
    pub(crate) scale: Scale,
    pub(crate) lines: Vec<Line>,
}

/// How a vertical axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By powers of ten; what is not positive is left out.
    Logarithmic,
}

/// Points, joined in their order.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// The range of an axis and where on the picture it lies.
#[derive(Debug, Clone, Copy)]
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// Where on the picture `low` and `high` are.
    from: f64,
    to: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        self.from + share * (self.to - self.from)
    }

    /// Round values to write beside the axis.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = round_step((self.high - self.low) / 5.0);
                let first = (self.low / step).ceil() * step;
                let ticks = (0..MAX_TICKS).map(|tick| first + f64::from(tick) * step);
                ticks.take_while(|tick| *tick <= self.high).collect()
            }
            Scale::Logarithmic => {
                let ticks = (0..MAX_TICKS).map(|power| self.low * 10_f64.powi(power));
                ticks.take_while(|tick| *tick <= self.high * 1.001).collect()
            }
        }
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|round| *round >= step).unwrap_or(10.0 * power)
}

impl Plot {
    /// The whole picture.
    pub(crate) fn svg(&self) -> String {
        let height = TOP + self.panels.len() as f64 * (PANEL_HEIGHT + GAP) - GAP + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(&mut svg, (LEFT, 18.0), "start", &format!("{} ", self.title));
        let x = self.horizontal();
        for (index, panel) in self.panels.iter().enumerate() {
            let top = TOP + index as f64 * (PANEL_HEIGHT + GAP);
            panel.draw(&mut svg, &x, top);
            for (at, what) in &self.marks {
                let at = x.at(*at);
                let bottom = top + PANEL_HEIGHT;
                let _ = writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>");
                text(&mut svg, (at + 4.0, top + 12.0), "start", what);
            }
        }
        let bottom = height - BOTTOM;
        for tick in x.ticks() {
            text(&mut svg, (x.at(tick), bottom + 16.0), "middle", &number(tick));
        }
        text(&mut svg, (f64::midpoint(LEFT, WIDTH - RIGHT), bottom + 34.0), "middle", &self.x_title);
        svg.push_str("</svg>\n");
        svg
    }

    fn horizontal(&self) -> Axis {
        let all = self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points).map(|(x, _)| *x);
        let (low, high) = range(all);
        Axis { scale: Scale::Linear, low, high, from: LEFT, to: WIDTH - RIGHT }
    }
}

impl Panel {
    fn draw(&self, svg: &mut String, x: &Axis, top: f64) {
        let y = self.vertical(top);
        text(svg, (LEFT, top - 8.0), "start", &self.title);
        for tick in y.ticks() {
            let at = y.at(tick);
            let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/>", WIDTH - RIGHT);
            text(svg, (LEFT - 6.0, at + 4.0), "end", &number(tick));
        }
        for (index, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let visible = line.points.iter().filter(|(_, value)| self.scale == Scale::Linear || *value > 0.0);
            let points: Vec<_> = visible.map(|(at, value)| format!("{:.1},{:.1}", x.at(*at), y.at(*value))).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\"/>",
                points.join(" ")
            );
            // From right to left, in the line of the panel's title.
            let at = WIDTH - RIGHT - 150.0 * (self.lines.len() - 1 - index) as f64;
            let _ = writeln!(
                svg,
                "<text x=\"{at}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
                top - 8.0,
                escaped(&line.name)
            );
        }
    }

    fn vertical(&self, top: f64) -> Axis {
        let all = self.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
        let (low, high) = match self.scale {
            Scale::Linear => (0.0, range(all.chain([0.0])).1),
            Scale::Logarithmic => {
                let (low, high) = range(all.filter(|value| *value > 0.0).map(f64::log10));
                (10_f64.powf(low.floor()), 10_f64.powf(high.ceil()))
            }
        };
        Axis { scale: self.scale, low, high, from: top + PANEL_HEIGHT, to: top }
    }
}

/// The least and the greatest of some values, or of none, never the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values = values.filter(|value| value.is_finite());
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        (0.0, 1.0)
    } else if high - low < f64::EPSILON * high.abs().max(1.0) {
        (low, low + low.abs().max(1.0))
    } else {
        (low, high)
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222\">{}</text>",
        escaped(text)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// As few digits as it takes.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(scale: Scale, points: &[(f64, f64)]) -> Plot {
        let lines = vec![Line { name: "p99 < all".to_owned(), points: points.to_vec() }];
        let panels = vec![Panel { title: "Latency (ms)".to_owned(), scale, lines }];
        Plot {
            title: "A & B".to_owned(),
            x_title: "minutes".to_owned(),
            panels,
            marks: vec![(1.0, "restart".to_owned())],
        }
    }

    #[test]
    fn every_point_lies_within_the_picture() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let svg = plot(scale, &[(0.0, 3.0), (1.0, 812.0), (2.0, 47.0)]).svg();
            let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            let points: Vec<_> = points.split(' ').map(|point| point.split_once(',').unwrap()).collect();
            assert_eq!(points.len(), 3);
            for (x, y) in points {
                assert!((LEFT..=WIDTH - RIGHT).contains(&x.parse().unwrap()), "{x}");
                assert!((TOP..=TOP + PANEL_HEIGHT).contains(&y.parse().unwrap()), "{y}");
            }
        }
    }

    #[test]
    fn names_are_escaped_and_what_has_no_points_is_drawn_as_well() {
        let svg = plot(Scale::Logarithmic, &[]).svg();
        assert!(svg.contains("A &amp; B") && svg.contains("p99 &lt; all") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn ticks_are_round() {
        let axis = Axis { scale: Scale::Linear, low: 0.0, high: 43.0, from: 0.0, to: 1.0 };
        assert_eq!(axis.ticks(), [0.0, 10.0, 20.0, 30.0, 40.0]);
        let axis = Axis { scale: Scale::Logarithmic, low: 0.1, high: 100.0, from: 0.0, to: 1.0 };
        assert_eq!(axis.ticks().len(), 4);
    }
}
