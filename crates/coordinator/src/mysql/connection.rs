//! One connection, from its first byte to its last: the command loop.

use super::MysqlDoor;
use super::answer::{Answer, Kept};
use super::command::{Command, change_user_request};
use super::connect::{ClientChannel, Connected, LINGER, change_user, connect};
use super::error::WireError;
use super::metrics::Closing;
use super::packet::{Channel, Packet, PacketError, PacketReader, PacketWriter};
use super::prepared::Statements;
use super::reply::put_error;
use super::transport;
use mysql_common::constants::CapabilityFlags;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Serves one client until it leaves, is closed, or `stop` finds it idle.
pub(super) async fn serve(
    door: &MysqlDoor,
    stream: TcpStream,
    address: SocketAddr,
    stop: &CancellationToken,
) {
    let write_timeout = Duration::from_secs(door.settings.write_timeout_s);
    let (read, write) = transport::split(stream);
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
    let (connection_id, address) = (connected.client.connection_id, connected.link.address);
    tracing::debug!(%address, connection_id, user = connected.client.user, "MySQL session opened");
    let kept = kept(door, &connected);
    let end = Connection { door, channel, connected, kept }.run(stop).await;
    door.metrics.session_closed(end.closing());
    tracing::debug!(%address, connection_id, ?end, "MySQL session closed");
}

/// What a new session keeps from command to command.
fn kept(door: &MysqlDoor, connected: &Connected) -> Kept {
    Kept {
        statements: Statements::new(
            door.statements.clone(),
            door.settings.max_allowed_packet_bytes,
        ),
        multi_statements: connected.capabilities.contains(CapabilityFlags::CLIENT_MULTI_STATEMENTS),
    }
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
    /// COM_CHANGE_USER did not lead to a session; the client has been told.
    NotChanged,
    Packet(PacketError),
}

impl End {
    fn closing(&self) -> Closing {
        match self {
            Self::Quit | Self::Left => Closing::Left,
            Self::Killed => Closing::Killed,
            Self::ShutDown => Closing::ShutDown,
            Self::Idle => Closing::Idle,
            Self::NotChanged => Closing::ChangeOfUser,
            Self::Packet(error) => match error {
                PacketError::Closed | PacketError::Io(_) => Closing::Left,
                PacketError::TooLarge | PacketError::AllowanceSpent => Closing::PacketTooLarge,
                PacketError::OutOfOrder | PacketError::NotCompressed => Closing::Malformed,
                PacketError::WriteTimedOut => Closing::WriteTimedOut,
            },
        }
    }

    /// What the client is told, under which sequence number. The answer to a command that could
    /// not be read has its number; an idle client has asked nothing.
    fn told(&self) -> Option<(u8, WireError)> {
        match self {
            Self::Idle => Some((0, WireError::idle_for_too_long())),
            Self::Packet(error) => match error {
                PacketError::TooLarge | PacketError::AllowanceSpent => {
                    Some((1, WireError::packet_too_large()))
                }
                PacketError::OutOfOrder => Some((1, WireError::out_of_order())),
                PacketError::NotCompressed => Some((1, WireError::not_compressed())),
                PacketError::Closed | PacketError::Io(_) | PacketError::WriteTimedOut => None,
            },
            Self::Quit | Self::Killed | Self::ShutDown | Self::Left | Self::NotChanged => None,
        }
    }
}

impl From<PacketError> for End {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

struct Connection<'a> {
    door: &'a MysqlDoor,
    channel: ClientChannel,
    connected: Connected,
    kept: Kept,
}

/// How a connection goes on after a command.
enum Next {
    Command,
    /// The packet is COM_CHANGE_USER.
    ChangeUser(Packet),
}

impl Connection<'_> {
    async fn run(mut self, stop: &CancellationToken) -> End {
        let end = loop {
            let close = self.connected.close.clone();
            match self.step(stop, &close).await {
                Ok(Next::Command) => {}
                Ok(Next::ChangeUser(packet)) => match self.change_user(&packet, stop).await {
                    Ok(changed) => self = changed,
                    Err(end) => return end,
                },
                Err(end) => break end,
            }
        };
        // A client that is still sending would lose an error to the reset of the connection.
        let told = end.told();
        if let Some((sequence, error)) = &told {
            self.channel.writer.set_sequence(*sequence);
            put_error(&mut self.channel.writer, error);
            let _ = self.channel.writer.flush().await;
        }
        self.channel.writer.shutdown().await;
        if told.is_some() {
            let _ = tokio::time::timeout(LINGER, self.channel.reader.discard()).await;
        }
        end
    }

    /// Gives the connection to another user: the old session ends first, whatever comes of the
    /// login, and a login that fails ends the connection.
    async fn change_user(self, packet: &Packet, stop: &CancellationToken) -> Result<Self, End> {
        let Self { door, mut channel, connected, kept: old } = self;
        let link = connected.link.clone();
        drop((connected, old));
        channel.writer.set_sequence(packet.next_sequence);
        let request = change_user_request(&packet.payload).unwrap_or_default();
        let changed = tokio::select! {
            changed = change_user(door, &mut channel, link, request) => changed,
            () = stop.cancelled() => None,
        };
        match changed {
            Some(connected) => {
                let kept = kept(door, &connected);
                Ok(Self { door, channel, connected, kept })
            }
            None => {
                channel.writer.shutdown().await;
                Err(End::NotChanged)
            }
        }
    }

    /// Waits for one command and answers it.
    async fn step(
        &mut self,
        stop: &CancellationToken,
        close: &CancellationToken,
    ) -> Result<Next, End> {
        let own_limit = self.connected.session.idle_limit();
        let idle_limit =
            own_limit.unwrap_or(Duration::from_secs(self.door.settings.wait_timeout_s));
        let packet = tokio::select! {
            biased;
            () = close.cancelled() => return Err(End::Killed),
            () = stop.cancelled() => return Err(End::ShutDown),
            packet = tokio::time::timeout(idle_limit, self.channel.reader.read(0)) => {
                packet.map_err(|_| End::Idle)??
            }
        };
        if change_user_request(&packet.payload).is_some() {
            return Ok(Next::ChangeUser(packet));
        }
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
        Ok(Next::Command)
    }
}
