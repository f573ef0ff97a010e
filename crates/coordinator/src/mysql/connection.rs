//! One connection, from its first byte to its last: the command loop.

use super::MysqlDoor;
use super::command::{Command, is_like};
use super::connect::{Connected, connect};
use super::error::{Origin, WireError, report};
use super::packet::{Channel, PacketError, PacketReader, PacketWriter};
use super::reply::{put_error, put_ok};
use super::result_set::{SendError, Sending};
use crate::session::{Completion, Response};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
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
    let end = Connection { door, channel, connected }.run(stop).await;
    tracing::debug!(%address, connection_id, ?end, "MySQL session closed");
}

/// Why a session is over.
#[derive(Debug)]
enum End {
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
        let mut answer = Answer { door: self.door, writer, connected: &mut self.connected };
        tokio::select! {
            biased;
            answered = answer.give(Command::parse(&packet.payload)) => answered?,
            () = close.cancelled() => return Err(End::Killed),
            () = reader.closed() => return Err(End::Left),
        }
        Ok(())
    }
}

/// What the answer to a command needs. Dropped with the statement it runs, when the client leaves.
struct Answer<'a, W> {
    door: &'a MysqlDoor,
    writer: &'a mut PacketWriter<W>,
    connected: &'a mut Connected,
}

impl<'a, W: AsyncWrite + Unpin + Send> Answer<'a, W> {
    async fn give(&mut self, command: Command<'_>) -> Result<(), End> {
        match self.put(command).await {
            Ok(()) => {}
            Err(Refusal::End(end)) => return Err(end),
            Err(Refusal::Send(SendError::Packet(error))) => return Err(End::Packet(error)),
            Err(Refusal::Send(SendError::Wire(error))) => put_error(self.writer, &error),
            Err(Refusal::Send(SendError::Query(error))) => {
                let client = &self.connected.client;
                let origin = Origin { user: &client.user, connection_id: client.connection_id };
                put_error(self.writer, &report(&error, origin));
            }
        }
        self.writer.flush().await?;
        Ok(())
    }

    /// Puts the answer, or what could be made of it, into the writer.
    async fn put(&mut self, command: Command<'_>) -> Result<(), Refusal> {
        self.door.questions.fetch_add(1, Ordering::Relaxed);
        let session = &mut self.connected.session;
        match command {
            Command::Quit => return Err(Refusal::End(End::Quit)),
            Command::Ping => put_ok(self.writer, &Completion::default()),
            Command::InitDb(database) => {
                session.use_database(database).await?;
                put_ok(self.writer, &Completion::default());
            }
            Command::Query(sql) => match session.execute(sql).await? {
                Response::Done(done) => put_ok(self.writer, &done),
                Response::Rows(result) => {
                    self.sending().result_set(self.writer, result).await?;
                }
            },
            Command::FieldList { table, pattern } => {
                let mut columns = session.table_columns(table).await?;
                if !pattern.is_empty() {
                    columns.retain(|column| is_like(&column.label, pattern));
                }
                self.sending().field_list(self.writer, table, &columns)?;
            }
            Command::Statistics => self.writer.put_packet(self.door.statistics().as_bytes()),
            Command::Unanswered => {}
            Command::InvalidText => return Err(WireError::invalid_text().into()),
            Command::Unknown(code) => {
                tracing::debug!(code, "unknown MySQL command");
                return Err(WireError::unknown_command().into());
            }
        }
        Ok(())
    }

    fn sending(&self) -> Sending<'a> {
        Sending {
            capabilities: self.connected.capabilities,
            row_max_bytes: self.door.settings.max_allowed_packet_bytes,
            sent_rows: &self.door.metrics.sent_rows,
        }
    }
}

/// Why a command has no answer of its own.
enum Refusal {
    Send(SendError),
    End(End),
}

impl<E: Into<SendError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Send(error.into())
    }
}

impl From<WireError> for SendError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl MysqlDoor {
    /// The answer to COM_STATISTICS, in the form of `sql/sql_parse.cc`, with zeros where there is
    /// nothing to count.
    fn statistics(&self) -> String {
        let uptime_s = self.started.elapsed().as_secs();
        let threads = self.open.load(Ordering::Relaxed);
        let questions = self.questions.load(Ordering::Relaxed);
        let per_second = questions as f64 / uptime_s.max(1) as f64;
        format!(
            "Uptime: {uptime_s}  Threads: {threads}  Questions: {questions}  Slow queries: 0  \
             Opens: 0  Flush tables: 0  Open tables: 0  Queries per second avg: {per_second:.3}"
        )
    }
}
