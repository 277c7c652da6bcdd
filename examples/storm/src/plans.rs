//! Which lanes run side by side.

use crate::args::Args;
use crate::lane::Plan;
use crate::record::LaneName;
use crate::scene::Scene;
use crate::server::Server;
use crate::stack::Stack;

/// The lanes that a person compares in a scene.
pub fn side_by_side(scene: &Scene, args: &Args) -> Vec<Plan> {
    let server = if args.upstream_cancels { Server::Cancels } else { Server::GoesOn };
    let lanes = if scene.is_about_servers() {
        vec![
            ('A', "no limits", Stack::Timeout, Server::Axum { limited: false }),
            ('C', "server_stack", Stack::Timeout, Server::Axum { limited: true }),
        ]
    } else {
        let recommended = Stack::Recommended { without: args.without };
        vec![
            ('A', "", Stack::Timeout, server),
            ('B', "", Stack::Retries, server),
            ('C', "", recommended, server),
        ]
    };
    lanes
        .into_iter()
        .map(|(letter, title, stack, server)| {
            let title = if title.is_empty() { stack.title() } else { title.into() };
            Plan { name: LaneName { letter, title }, scene: scene.clone(), stack, server, seed: args.seed }
        })
        .collect()
}

impl Plan {
    /// What it is made of, for a person.
    pub fn explain(&self) -> String {
        match self.server {
            Server::GoesOn | Server::Cancels => self.stack.explain(),
            Server::Axum { limited: false } => "an axum server as it comes".into(),
            Server::Axum { limited: true } => {
                "the same server behind buttress::server_stack, with its defaults".into()
            }
        }
    }
}
