//! Cutting a connection whose client does not read.
//!
//! A body that waits for room in a full socket is not polled, so ending it changes nothing: only
//! the socket itself can be closed. A second handle of it is kept beside the connection, in weak
//! reach of its stream, so that a connection that ends is closed at once.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Weak};

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream as ServedStream;

struct Connection(Arc<TcpStream>);

/// Keeps a handle of an accepted connection; `HttpServer::on_connect` calls it.
pub(crate) fn keep_connection(io: &dyn Any, data: &mut Extensions) {
    let Some(stream) = io.downcast_ref::<ServedStream>() else { return };
    // Without a handle (no file descriptor left) the connection is served and cannot be cut.
    if let Ok(handle) = stream.as_fd().try_clone_to_owned() {
        data.insert(Connection(Arc::new(TcpStream::from(handle))));
    }
}

/// What cuts the connection of a stream.
#[derive(Debug, Default)]
pub(crate) struct Cut(Weak<TcpStream>);

impl Cut {
    /// For the connection of a request; does nothing where there is none (tests in process).
    pub(crate) fn of(http: &HttpRequest) -> Self {
        Self(http.conn_data::<Connection>().map_or_else(Weak::new, |c| Arc::downgrade(&c.0)))
    }

    /// Cuts it.
    pub(crate) fn cut(&self) {
        if let Some(stream) = self.0.upgrade() {
            // An error means that it is closed already.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}
