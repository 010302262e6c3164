//! The comparison as a picture: a panel of bars for each figure that is plotted, as SVG.

use std::fmt::Write as _;

use super::figures::{Contender, FIGURES, Figure};
use super::results::{Results, Summary};
use super::table::{number, runs};

const WIDTH: f64 = 860.0;
const NAME_WIDTH: f64 = 150.0;
const VALUE_WIDTH: f64 = 90.0;
const BAR_HEIGHT: f64 = 16.0;
const ROW_HEIGHT: f64 = 22.0;
const TITLE_HEIGHT: f64 = 34.0;
const GAP: f64 = 14.0;
/// A bar that stands for something is never thinner.
const MIN_BAR: f64 = 1.5;

/// A figure with those who were measured.
struct Panel {
    title: String,
    bars: Vec<(Contender, Summary)>,
}

/// The whole picture.
pub(crate) fn svg(results: &Results) -> String {
    let panels: Vec<_> = FIGURES.iter().filter(|figure| figure.plotted).filter_map(|it| panel(results, it)).collect();
    let height: f64 = panels.iter().map(Panel::height).sum::<f64>() + GAP * 2.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut top = GAP;
    for panel in &panels {
        panel.draw(&mut svg, top);
        top += panel.height();
    }
    let runs = runs(results.runs());
    let _ = writeln!(
        svg,
        "<text x=\"10\" y=\"{top:.1}\" font-size=\"11\" fill=\"#3c4656\">Medians of {runs}, {}; thin lines from the \
         least to the most.</text>",
        results.setting.date
    );
    svg.push_str("</svg>\n");
    svg
}

/// `None` when nobody was measured.
fn panel(results: &Results, figure: &Figure) -> Option<Panel> {
    let summary = |contender| results.summary(figure.scenario, contender, figure.key).map(|found| (contender, found));
    let bars: Vec<_> = Contender::ALL.into_iter().filter_map(summary).collect();
    (!bars.is_empty()).then(|| Panel { title: figure.title(), bars })
}

impl Panel {
    fn height(&self) -> f64 {
        TITLE_HEIGHT + ROW_HEIGHT * self.bars.len() as f64 + GAP
    }

    fn draw(&self, svg: &mut String, top: f64) {
        let title = escaped(&self.title);
        let _ =
            writeln!(svg, "<text x=\"10\" y=\"{:.1}\" font-weight=\"600\" fill=\"#1c2430\">{title}</text>", top + 16.0);
        let longest = self.bars.iter().map(|(_, summary)| summary.most).fold(0.0, f64::max);
        let scale = if longest > 0.0 { (WIDTH - NAME_WIDTH - VALUE_WIDTH) / longest } else { 0.0 };
        for (index, (contender, summary)) in self.bars.iter().enumerate() {
            draw_bar(svg, top + TITLE_HEIGHT + ROW_HEIGHT * index as f64, *contender, *summary, scale);
        }
    }
}

fn draw_bar(svg: &mut String, top: f64, contender: Contender, summary: Summary, scale: f64) {
    let color = match contender {
        Contender::GlassBox | Contender::GlassBoxWs => "#1668c7",
        Contender::Relay => "#8a94a3",
        _ => "#c3cad4",
    };
    let (name, value) = (contender.name(), number(summary.median));
    let (middle, baseline) = (top + BAR_HEIGHT / 2.0, top + 12.5);
    let length = |value: f64| value * scale;
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\" fill=\"#3c4656\">{name}</text>\n\
         <rect x=\"{NAME_WIDTH}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{color}\"/>\n\
         <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" stroke=\"#1c2430\"/>\n\
         <text x=\"{:.1}\" y=\"{baseline:.1}\" fill=\"#1c2430\">{value}</text>",
        NAME_WIDTH - 8.0,
        length(summary.median).max(MIN_BAR),
        NAME_WIDTH + length(summary.least),
        NAME_WIDTH + length(summary.most),
        NAME_WIDTH + length(summary.most).max(MIN_BAR) + 8.0,
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::figures::Scenario;
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_medians_and_the_longest_fills_the_picture() {
        let svg = svg(&results("last_ms", Scenario::Storm, [300.0, 300.0], [150.0, 150.0]));
        let full = WIDTH - NAME_WIDTH - VALUE_WIDTH;
        assert!(svg.contains(&format!("width=\"{full:.1}\"")), "{svg}");
        assert!(svg.contains(&format!("width=\"{:.1}\"", full / 2.0)), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 3, "the ground and two bars");
        assert_eq!(svg.matches("<text").count(), 6, "a title, two names, two values, a footnote");
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_measured_is_an_empty_picture_and_zero_a_thin_bar() {
        let mut none = results("last_ms", Scenario::Storm, [0.0, 0.0], [0.0, 0.0]);
        assert!(svg(&none).contains("width=\"1.5\""));
        none.measurements.clear();
        assert_eq!(svg(&none).matches("<rect").count(), 1);
    }

    #[test]
    fn a_title_is_escaped() {
        assert_eq!(escaped("p99 < 100 ms"), "p99 &lt; 100 ms");
    }
}
