//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write as _;

use super::names::Metric;

/// The type of a body in this format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label's value: one of the words that the metric's declaration lists.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a>(pub &'a str);

/// A body in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// A metric without labels.
    pub fn one(&mut self, metric: &Metric, value: f64) {
        self.many(metric, [([], value)]);
    }

    /// A metric with one value for each set of labels, in the order of its declaration.
    pub fn many<'a, const N: usize>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = ([Label<'a>; N], f64)>,
    ) {
        debug_assert_eq!(metric.labels.len(), N, "{} has the labels of its declaration", metric.name);
        let Metric { name, kind, help, .. } = metric;
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {}", escaped(help), kind.word());
        for (labels, value) in values {
            self.line(name, metric.labels.iter().map(|label| label.name).zip(labels), value);
        }
    }

    /// Histograms, with one row of buckets for each label: how many there were up to each size and above the one before, how many
    /// there were in all, and their sum.
    #[cfg(feature = "serve")]
    pub fn histograms<'a, const N: usize>(
        &mut self,
        metric: &Metric,
        sizes: [f64; N],
        values: impl IntoIterator<Item = (Label<'a>, [f64; N], f64, f64)>,
    ) {
        let Metric { name, kind, help, .. } = metric;
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {}", escaped(help), kind.word());
        let sizes = sizes.map(|size| size.to_string());
        for (Label(label), buckets, count, sum) in values {
            let own = || metric.labels.iter().map(|label| label.name).zip([Label(label)]);
            let mut below = 0.0;
            for (size, bucket) in sizes.iter().zip(buckets) {
                below += bucket;
                self.line(&format!("{name}_bucket"), own().chain([("le", Label(size))]), below);
            }
            // What is counted meanwhile may be in a bucket and not among all: a count never falls below its buckets.
            let count = count.max(below);
            self.line(&format!("{name}_bucket"), own().chain([("le", Label("+Inf"))]), count);
            self.line(&format!("{name}_sum"), own(), sum);
            self.line(&format!("{name}_count"), own(), count);
        }
    }

    fn line<'l>(&mut self, name: &str, labels: impl Iterator<Item = (&'l str, Label<'l>)>, value: f64) {
        self.text.push_str(name);
        let mut opened = false;
        for (label, Label(value)) in labels {
            let _ = write!(self.text, "{}{label}=\"{}\"", if opened { ',' } else { '{' }, quoted(value));
            opened = true;
        }
        if opened {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// The body.
    pub fn into_text(self) -> String {
        self.text
    }
}

fn escaped(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}

fn quoted(value: &str) -> String {
    escaped(value).replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::super::names::{Kind, LabelName};
    use super::*;

    #[test]
    fn the_text_is_as_prometheus_reads_it() {
        let plain = Metric { name: "firnline_a_bytes", kind: Kind::Gauge, help: "A.", labels: &[] };
        const LABELS: &[LabelName] =
            &[LabelName { name: "kind", words: "any" }, LabelName { name: "outcome", words: "any" }];
        let labelled = Metric { name: "firnline_b_total", kind: Kind::Counter, help: "B.", labels: LABELS };
        let mut text = Exposition::default();
        text.one(&plain, 1_500_000.0);
        text.many(&labelled, [([Label("get"), Label("ok")], 2.0), ([Label("a\"b\\c\nd"), Label("")], 0.5)]);
        assert_eq!(
            text.into_text(),
            "# HELP firnline_a_bytes A.\n# TYPE firnline_a_bytes gauge\nfirnline_a_bytes 1500000\n\
             # HELP firnline_b_total B.\n# TYPE firnline_b_total counter\n\
             firnline_b_total{kind=\"get\",outcome=\"ok\"} 2\n\
             firnline_b_total{kind=\"a\\\"b\\\\c\\nd\",outcome=\"\"} 0.5\n"
        );
    }

    #[test]
    #[cfg(feature = "serve")]
    fn a_histogram_counts_all_that_is_not_larger() {
        const LABELS: &[LabelName] = &[LabelName { name: "api", words: "any" }];
        let metric = Metric { name: "firnline_c_seconds", kind: Kind::Histogram, help: "C.", labels: LABELS };
        let mut text = Exposition::default();
        text.histograms(&metric, [0.005, 2.5], [(Label("Fetch"), [3.0, 2.0], 6.0, 12.5)]);
        assert_eq!(
            text.into_text(),
            "# HELP firnline_c_seconds C.\n# TYPE firnline_c_seconds histogram\n\
             firnline_c_seconds_bucket{api=\"Fetch\",le=\"0.005\"} 3\n\
             firnline_c_seconds_bucket{api=\"Fetch\",le=\"2.5\"} 5\n\
             firnline_c_seconds_bucket{api=\"Fetch\",le=\"+Inf\"} 6\n\
             firnline_c_seconds_sum{api=\"Fetch\"} 12.5\nfirnline_c_seconds_count{api=\"Fetch\"} 6\n"
        );
    }
}
