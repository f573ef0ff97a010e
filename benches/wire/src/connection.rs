//! A connection: login, packets out and in.
//!
//! Source: MySQL Source Code Documentation, "Connection Lifecycle" and "MySQL Packets".

use crate::failure::{Failure, Result, unexpected};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, ErrPacket, HandshakePacket, HandshakeResponse};
use mysql_common::proto::{MyDeserialize, MySerialize};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

/// What is asked for; what both sides know holds.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

const HEADER_BYTES: usize = 4;
/// A packet of this length goes on in the next one. No answer that we measure is so long.
const LONGEST_PACKET_BYTES: usize = 0xFF_FFFF;
/// The buffer grows while reads fill it: thousands of idle connections stay cheap, and a large
/// result is read in large pieces.
const FIRST_BUFFER_BYTES: usize = 4 << 10;
const FULL_BUFFER_BYTES: usize = 256 << 10;

pub struct Connection {
    stream: TcpStream,
    /// The server's number of this connection, as `KILL` takes it.
    pub id: u32,
    capabilities: CapabilityFlags,
    incoming: Vec<u8>,
    /// The bytes of `incoming` that are read and not taken yet.
    unread: Range<usize>,
    outgoing: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr, user: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            id: 0,
            capabilities: CAPABILITIES,
            incoming: vec![0; FIRST_BUFFER_BYTES],
            unread: 0..0,
            outgoing: Vec::new(),
        };
        connection.log_in(user)?;
        Ok(connection)
    }

    fn log_in(&mut self, user: &str) -> Result<()> {
        let payload = self.receive_or_error()?;
        let greeting =
            HandshakePacket::deserialize((), &mut ParseBuf(self.payload(&payload)))?.into_owned();
        self.id = greeting.connection_id();
        self.capabilities = CAPABILITIES & greeting.capabilities();
        let plugin = greeting.auth_plugin().unwrap_or(AuthPlugin::MysqlNativePassword);
        let mut response = Vec::new();
        HandshakeResponse::new(
            None::<Vec<u8>>,
            (8, 0, 0),
            Some(user.as_bytes()),
            None::<Vec<u8>>,
            Some(plugin),
            self.capabilities,
            None,
            1 << 24,
        )
        .serialize(&mut response);
        self.send(1, &response)?;
        loop {
            let payload = self.receive_or_error()?;
            let sequence = self.incoming[payload.start - 1];
            match self.payload(&payload) {
                [0x00, ..] => return Ok(()),
                // Another plugin: an empty password is an empty answer to each of them.
                [0xFE, ..] => self.send(sequence.wrapping_add(1), &[])?,
                // caching_sha2_password says that the fast proof was enough; OK follows.
                [0x01, 0x03] => {}
                _ => return Err(unexpected("the account has a password; give one without")),
            }
        }
    }

    pub fn deprecates_eof(&self) -> bool {
        self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    }

    /// Sends a command, which always begins a new sequence of packets.
    pub fn command(&mut self, code: u8, arguments: &[&[u8]]) -> Result<()> {
        self.outgoing.clear();
        self.outgoing.extend([0, 0, 0, 0, code]);
        for argument in arguments {
            self.outgoing.extend_from_slice(argument);
        }
        self.flush(0)
    }

    fn send(&mut self, sequence: u8, payload: &[u8]) -> Result<()> {
        self.outgoing.clear();
        self.outgoing.extend([0; HEADER_BYTES]);
        self.outgoing.extend_from_slice(payload);
        self.flush(sequence)
    }

    fn flush(&mut self, sequence: u8) -> Result<()> {
        let length = self.outgoing.len() - HEADER_BYTES;
        if length >= LONGEST_PACKET_BYTES {
            return Err(unexpected(format!("a command of {length} bytes is not implemented")));
        }
        let [low, middle, high, ..] = length.to_le_bytes();
        self.outgoing[..HEADER_BYTES].copy_from_slice(&[low, middle, high, sequence]);
        self.stream.write_all(&self.outgoing)?;
        Ok(())
    }

    /// Waits for the next packet. Its payload, asked for with [`Self::payload`], stays until the
    /// next call.
    pub fn receive(&mut self) -> Result<Range<usize>> {
        self.fill(HEADER_BYTES)?;
        let header = &self.incoming[self.unread.start..];
        let length =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if length == LONGEST_PACKET_BYTES {
            return Err(unexpected("an answer with a packet of 16 MB is not implemented"));
        }
        self.fill(HEADER_BYTES + length)?;
        let start = self.unread.start + HEADER_BYTES;
        self.unread.start = start + length;
        Ok(start..start + length)
    }

    pub fn payload(&self, packet: &Range<usize>) -> &[u8] {
        &self.incoming[packet.clone()]
    }

    /// The next packet, unless it is an ERR packet.
    pub fn receive_or_error(&mut self) -> Result<Range<usize>> {
        let packet = self.receive()?;
        match self.payload(&packet) {
            [0xFF, ..] => Err(self.refusal(&packet)),
            [] => Err(unexpected("an empty packet where an answer is due")),
            _ => Ok(packet),
        }
    }

    pub fn refusal(&self, packet: &Range<usize>) -> Failure {
        match ErrPacket::deserialize(self.capabilities, &mut ParseBuf(self.payload(packet))) {
            Ok(ErrPacket::Error(error)) => Failure::Refused {
                code: error.error_code(),
                message: error.message_str().into_owned(),
            },
            Ok(ErrPacket::Progress(_)) => unexpected("a progress report that was not asked for"),
            Err(error) => error.into(),
        }
    }

    /// Reads until `wanted` bytes are unread.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        while self.unread.len() < wanted {
            if self.unread.is_empty() {
                self.unread = 0..0;
            }
            if self.unread.start + wanted > self.incoming.len() {
                self.incoming.copy_within(self.unread.clone(), 0);
                self.unread = 0..self.unread.len();
                self.incoming.resize(self.incoming.len().max(wanted), 0);
            }
            let read = self.stream.read(&mut self.incoming[self.unread.end..])?;
            if read == 0 {
                let end = io::Error::new(ErrorKind::UnexpectedEof, "the server hung up");
                return Err(end.into());
            }
            self.unread.end += read;
            if self.unread.end == self.incoming.len() && self.incoming.len() < FULL_BUFFER_BYTES {
                self.incoming.resize(2 * self.incoming.len(), 0);
            }
        }
        Ok(())
    }
}
