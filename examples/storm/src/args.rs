use clap::{Parser, ValueEnum};

use crate::scene::SceneName;
use crate::stack::Part;

/// An upstream fails, and three ways of calling it are watched side by side: real HTTP over loopback,
/// in one process, seeded.
#[derive(Clone, Debug, Parser)]
#[command(name = "storm")]
pub struct Args {
    /// What happens to the upstream.
    #[arg(long, value_enum, default_value = "brown-out")]
    pub scene: SceneName,

    /// Shorter scenes, with a calm shorter than the breaker's window: 15 s for the default one.
    #[arg(long)]
    pub quick: bool,

    /// Runs the recommended stack (lane C) less one layer.
    #[arg(long, value_enum, value_name = "LAYER")]
    pub without: Option<Part>,

    /// The upstream stops work on a request whose client has given up. An axum handler does that; most
    /// proxies and databases do not, and that is what makes outages last.
    #[arg(long)]
    pub upstream_cancels: bool,

    /// Serves the admin page while the storm runs, on 127.0.0.1; on a port that the system chooses, unless one is
    /// given. Needs `--features admin`. It serves metrics too, at `/metrics`.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0", conflicts_with = "check")]
    pub admin: Option<u16>,

    /// Decides when requests arrive and which of them fail.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Runs the quick scenes with five seeds and exits with 1 unless the recommended stack keeps its
    /// promises; with 75 if none was seen broken, but the machine was too busy to tell.
    #[arg(long, conflicts_with_all = ["without", "upstream_cancels", "ablation"])]
    pub check: bool,

    /// Runs the recommended stack less each of its layers over the scenes, and writes `ablation.md`.
    #[arg(long, conflicts_with = "without")]
    pub ablation: bool,
}

impl Args {
    /// The command that does the same again.
    pub fn command(&self) -> String {
        let scene =
            self.scene.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let mut command =
            format!("cargo run --release --package storm -- --scene {scene} --seed {}", self.seed);
        if self.quick {
            command.push_str(" --quick");
        }
        if self.upstream_cancels {
            command.push_str(" --upstream-cancels");
        }
        if let Some(part) = self.without.and_then(|part| part.to_possible_value()) {
            command.push_str(&format!(" --without {}", part.get_name()));
        }
        command
    }
}
