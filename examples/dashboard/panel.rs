//! A panel of the dashboard, with what Prometheus says to its queries.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;

use crate::prometheus::Prometheus;

pub struct Panel {
    pub title: String,
    /// Left, top, width and height, in the dashboard's own units.
    pub place: [f64; 4],
    pub unit: String,
    /// Whether its axis is logarithmic.
    pub is_log: bool,
    pub shape: Shape,
}

pub enum Shape {
    Row,
    /// A value, and its colour.
    Stat(f64, String),
    Bars(Vec<(String, f64)>),
    Lines(Vec<Line>),
    /// What is in one of three states, from good to bad.
    States(Vec<Line>),
    Table(Vec<String>, Vec<Vec<String>>),
    /// For each second, how many there were in each bucket.
    Heat(Vec<Line>),
}

/// A name, and a value at each second.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub is_limit: bool,
}

/// As far down as a picture should go.
const LAST: f64 = 47.0;
/// The stack whose row is drawn.
const STACK: &str = "payments";

impl Panel {
    pub async fn ask(panel: &Json, prometheus: &Prometheus, seconds: Range<u64>) -> Option<Self> {
        let place = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_f64().unwrap_or_default());
        if place[1] >= LAST {
            return None;
        }
        let asked = Asked { panel, prometheus, seconds, stack: if place[1] < 22.0 { ".*" } else { STACK } };
        let shape = match panel["type"].as_str()? {
            "row" => Shape::Row,
            "stat" => asked.stat().await,
            "bargauge" => asked.bars().await,
            "timeseries" => Shape::Lines(asked.lines().await),
            "state-timeline" => Shape::States(asked.lines().await),
            "heatmap" => Shape::Heat(asked.lines().await),
            "table" => asked.table().await,
            _ => return None,
        };
        let title = panel["title"].as_str()?.replace("$stack", STACK);
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or("short").to_owned();
        let axis = &panel["fieldConfig"]["defaults"]["custom"]["scaleDistribution"]["type"];
        Some(Self { title, place, unit, is_log: axis == "log", shape })
    }
}

struct Asked<'a> {
    panel: &'a Json,
    prometheus: &'a Prometheus,
    seconds: Range<u64>,
    stack: &'static str,
}

impl Asked<'_> {
    fn targets(&self) -> impl Iterator<Item = (&Json, String)> {
        self.panel["targets"].as_array().into_iter().flatten().map(|target| {
            let query = target["expr"].as_str().unwrap_or_default();
            let query = query.replace("$job", ".*").replace("$stack", self.stack);
            (target, query.replace("$__rate_interval", "5s"))
        })
    }

    async fn now(&self, query: &str) -> Vec<Json> {
        self.prometheus.ask(&format!("query?time={}&", self.seconds.end), query).await
    }

    async fn stat(&self) -> Shape {
        let (_, query) = self.targets().next().unwrap();
        let value = self.now(&query).await.first().map_or(f64::NAN, |one| number(&one["value"][1]));
        let steps = self.panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
        let reached = steps.iter().rfind(|step| step["value"].as_f64().is_none_or(|at| value >= at));
        Shape::Stat(value, reached.and_then(|step| step["color"].as_str()).unwrap_or("green").to_owned())
    }

    async fn bars(&self) -> Shape {
        let (target, query) = self.targets().next().unwrap();
        let answer = self.now(&query).await;
        Shape::Bars(answer.iter().map(|one| (legend(target, one), number(&one["value"][1]))).collect())
    }

    async fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let start = self.seconds.start as f64;
        for (target, query) in self.targets() {
            let how = format!("query_range?start={}&end={}&step=1&", self.seconds.start, self.seconds.end);
            for series in self.prometheus.ask(&how, &query).await {
                let points = series["values"].as_array().unwrap().iter();
                let points = points.map(|point| (number(&point[0]) - start, number(&point[1])));
                let name = legend(target, &series);
                let is_limit =
                    name.starts_with("limit ") || name.ends_with(" opens") || name.ends_with("limit");
                lines.push(Line {
                    name,
                    points: points.filter(|point| point.1.is_finite()).collect(),
                    is_limit,
                });
            }
        }
        lines
    }

    /// Rows of the same labels are one, as the dashboard merges them.
    async fn table(&self) -> Shape {
        let mut rows: BTreeMap<String, BTreeMap<String, Json>> = BTreeMap::new();
        for (target, query) in self.targets() {
            for one in self.now(&query).await {
                let row = rows.entry(one["metric"].to_string()).or_default();
                for (label, value) in one["metric"].as_object().unwrap() {
                    row.insert(label.clone(), value.clone());
                }
                let letter = target["refId"].as_str().unwrap();
                row.insert(format!("Value #{letter}"), one["value"][1].clone());
            }
        }
        let transformations = self.panel["transformations"].as_array().unwrap();
        let organize = &transformations.last().unwrap()["options"];
        let columns = organize["indexByName"].as_object().unwrap();
        let mut columns: Vec<_> = columns.iter().map(|(name, place)| (place.as_u64(), name)).collect();
        columns.sort();
        let shown = |name: &String| organize["renameByName"][name].as_str().unwrap_or(name).to_owned();
        let head: Vec<_> = columns.iter().map(|(_, name)| shown(name)).collect();
        let mut rows: Vec<_> = rows.into_values().collect();
        rows.sort_by(|a, b| number(&b["stack"]).total_cmp(&number(&a["stack"])));
        rows.sort_by(|a, b| worst(b).total_cmp(&worst(a)));
        let cells = rows.iter().map(|row| {
            let cell = |(_, name): &(Option<u64>, &String)| {
                row.get(*name).map_or_else(String::new, |value| self.cell(&shown(name), value))
            };
            columns.iter().map(cell).collect()
        });
        Shape::Table(head, cells.collect())
    }

    /// As the overrides of the column say.
    fn cell(&self, column: &str, value: &Json) -> String {
        let text = value.as_str().unwrap_or_default().to_owned();
        let overrides = self.panel["fieldConfig"]["overrides"].as_array().into_iter().flatten();
        for of in overrides
            .filter(|of| of["matcher"]["options"].as_str().unwrap().split('|').any(|name| name == column))
        {
            for property in of["properties"].as_array().into_iter().flatten() {
                match property["id"].as_str() {
                    Some("mappings") => {
                        return property["value"][0]["options"][&text]["text"]
                            .as_str()
                            .unwrap_or(&text)
                            .to_owned();
                    }
                    Some("unit") => return with_unit(number(value), property["value"].as_str().unwrap()),
                    _ => {}
                }
            }
        }
        text
    }
}

fn worst(row: &BTreeMap<String, Json>) -> f64 {
    row.get("Value #A").map_or(0.0, number)
}

fn number(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

fn legend(target: &Json, series: &Json) -> String {
    let mut legend = target["legendFormat"].as_str().unwrap_or_default().to_owned();
    for (label, value) in series["metric"].as_object().unwrap() {
        legend = legend.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap());
    }
    legend
}

/// A value as Grafana would write it.
pub fn with_unit(value: f64, unit: &str) -> String {
    let short = |value: f64| match value.abs() {
        _ if value.is_nan() => "–".to_owned(),
        _ if value.is_infinite() => "∞".to_owned(),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{}", (value * 100.0).round() / 100.0),
    };
    match unit {
        "percentunit" => format!("{} %", short(value * 100.0)),
        "cps" => format!("{}/s", short(value)),
        "s" if value > 0.0 && value < 1.0 => format!("{} ms", short(value * 1_000.0)),
        "s" => format!("{} s", short(value)),
        _ => short(value),
    }
}
