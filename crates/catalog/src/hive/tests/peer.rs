//! A server of Thrift's framed transport that answers each call as it is told to.

use crate::hive::thrift::Writer;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The type of a message, and the fields of its struct.
pub(super) type Reply = (u8, Writer);

pub(super) fn result(fields: Writer) -> Reply {
    (2, fields)
}

pub(super) fn texts(texts: &[&str]) -> Reply {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    result(Writer::default().texts(0, &texts))
}

/// The first exception that a method declares, or one of Thrift's own.
pub(super) fn exception(is_declared: bool, message: &str) -> Reply {
    match is_declared {
        true => result(Writer::default().structure(1, |inner| inner.text(1, message))),
        false => (3, Writer::default().text(1, message)),
    }
}

pub(super) struct Peer {
    pub(super) port: u16,
    /// The methods that were called, in their order, and the bytes of their arguments as text.
    pub(super) calls: Arc<Mutex<Vec<(String, String)>>>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    pub(super) async fn open(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::open_with(None, answer).await
    }

    pub(super) async fn open_with(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("localhost", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let calls = Arc::<Mutex<Vec<_>>>::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&calls));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen, tls) = (Arc::clone(&answer), Arc::clone(&seen), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &*answer, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &*answer, &seen).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { port, calls, task }
    }

    pub(super) fn methods(&self) -> Vec<String> {
        self.calls.lock().iter().map(|(method, _)| method.clone()).collect()
    }
}

/// Until the client goes.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(impl Fn(&str) -> Reply + Send + Sync),
    seen: &Mutex<Vec<(String, String)>>,
) -> Option<()> {
    loop {
        let mut call = vec![0; stream.read_u32().await.ok()? as usize];
        stream.read_exact(&mut call).await.ok()?;
        let length = u32::from_be_bytes(call.get(4..8)?.try_into().ok()?) as usize;
        let method = String::from_utf8(call.get(8..8 + length)?.to_vec()).ok()?;
        let sequence = i32::from_be_bytes(call.get(8 + length..12 + length)?.try_into().ok()?);
        let arguments = String::from_utf8_lossy(&call[12 + length..]).into_owned();
        seen.lock().push((method.clone(), arguments));
        let (kind, fields) = answer(&method);
        let mut reply = Writer::call(&method, sequence).with(fields).end();
        reply[3] = kind;
        stream.write_u32(u32::try_from(reply.len()).ok()?).await.ok()?;
        stream.write_all(&reply).await.ok()?;
        stream.flush().await.ok()?;
    }
}
