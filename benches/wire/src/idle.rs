//! Connections that do nothing, while who started us looks at the server's memory.

use crate::failure::Result;
use crate::{Server, print};
use clap::Args;
use serde_json::{Value, json};
use std::io::Read;

#[derive(Args)]
pub struct Idle {
    #[arg(long)]
    connections: usize,
}

impl Idle {
    pub fn run(&self, server: &Server) -> Result<Value> {
        let mut open = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            open.push(server.connect()?);
        }
        for connection in &mut open {
            connection.ping()?;
        }
        print(&json!({ "open": open.len() }))?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
        // They are all still there: a server that hung up on some would have cheap connections.
        for connection in &mut open {
            connection.ping()?;
        }
        Ok(json!({ "held": open.len() }))
    }
}
