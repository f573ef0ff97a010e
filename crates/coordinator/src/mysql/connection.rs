//! One connection, from its first byte to its last: the command loop.

use super::MysqlDoor;
use super::answer::{Answer, Kept};
use super::command::Command;
use super::connect::{Connected, connect};
use super::error::WireError;
use super::packet::{Channel, PacketError, PacketReader, PacketWriter};
use super::prepared::Statements;
use super::reply::put_error;
use mysql_common::constants::CapabilityFlags;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// How long a client that sent too large a packet may take to read why.
const LINGER: Duration = Duration::from_secs(2);

/// Serves one client until it leaves, is closed, or `stop` finds it idle.
pub(super) async fn serve<R, W>(
    door: &MysqlDoor,
    read: R,
    write: W,
    address: SocketAddr,
    stop: &CancellationToken,
) where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let write_timeout = Duration::from_secs(door.settings.write_timeout_s);
    let mut channel = Channel {
        reader: PacketReader::new(read, door.settings.max_allowed_packet_bytes),
        writer: PacketWriter::new(write, write_timeout, door.metrics.sent_bytes.clone()),
    };
    let connected = tokio::select! {
        connected = connect(door, &mut channel, address) => connected,
        () = stop.cancelled() => None,
    };
    let Some(connected) = connected else {
        return channel.writer.shutdown().await;
    };
    let connection_id = connected.client.connection_id;
    tracing::debug!(%address, connection_id, user = connected.client.user, "MySQL session opened");
    let kept = Kept {
        statements: Statements::new(
            door.statements.clone(),
            door.settings.max_allowed_packet_bytes,
        ),
        multi_statements: connected.capabilities.contains(CapabilityFlags::CLIENT_MULTI_STATEMENTS),
    };
    let end = Connection { door, channel, connected, kept }.run(stop).await;
    tracing::debug!(%address, connection_id, ?end, "MySQL session closed");
}

/// Why a session is over.
#[derive(Debug)]
pub(super) enum End {
    Quit,
    /// By `KILL CONNECTION`.
    Killed,
    ShutDown,
    Idle,
    /// The client left while its statement ran.
    Left,
    Packet(PacketError),
}

impl From<PacketError> for End {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

struct Connection<'a, R, W> {
    door: &'a MysqlDoor,
    channel: Channel<R, W>,
    connected: Connected,
    kept: Kept,
}

impl<R: AsyncRead + Unpin + Send, W: AsyncWrite + Unpin + Send> Connection<'_, R, W> {
    async fn run(mut self, stop: &CancellationToken) -> End {
        let close = self.connected.close.clone();
        let end = loop {
            if let Err(end) = self.step(stop, &close).await {
                break end;
            }
        };
        // A client that is still sending would lose an error to the reset of the connection.
        let refused = match &end {
            End::Packet(PacketError::TooLarge) => Some(WireError::packet_too_large()),
            End::Packet(PacketError::OutOfOrder) => Some(WireError::out_of_order()),
            _ => None,
        };
        if let Some(error) = &refused {
            self.channel.writer.set_sequence(1);
            put_error(&mut self.channel.writer, error);
            let _ = self.channel.writer.flush().await;
        }
        self.channel.writer.shutdown().await;
        if refused.is_some() {
            let _ = tokio::time::timeout(LINGER, self.channel.reader.discard()).await;
        }
        end
    }

    /// Waits for one command and answers it.
    async fn step(
        &mut self,
        stop: &CancellationToken,
        close: &CancellationToken,
    ) -> Result<(), End> {
        let idle_limit = Duration::from_secs(self.door.settings.wait_timeout_s);
        let packet = tokio::select! {
            biased;
            () = close.cancelled() => return Err(End::Killed),
            () = stop.cancelled() => return Err(End::ShutDown),
            packet = tokio::time::timeout(idle_limit, self.channel.reader.read(0)) => {
                packet.map_err(|_| End::Idle)??
            }
        };
        let Channel { reader, writer } = &mut self.channel;
        writer.set_sequence(packet.next_sequence);
        let command = Command::parse(&packet.payload, self.connected.capabilities);
        let Self { door, connected, kept, .. } = self;
        let mut answer = Answer { door, writer, connected, kept };
        tokio::select! {
            biased;
            answered = answer.give(command) => answered?,
            () = close.cancelled() => return Err(End::Killed),
            () = reader.closed() => return Err(End::Left),
        }
        Ok(())
    }
}
