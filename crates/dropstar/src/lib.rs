//! Pages, RPC, live events and static files for any tokio program.
//!
//! A [`Site`] says what is served: pages that are plain async closures, methods
//! that JSON-RPC and XML-RPC callers share, folders of files, an event stream.
//! A [`Listener`] says where, over which TLS and for whom. [`Server::bind`]
//! opens the listeners and hands back a [`Running`] server.
//!
//! A page that answers with [`Response::view`] has a JSON twin for free: the data
//! its template gets is served under the same address with
//! `Accept: application/json`, `?format=json` or the suffix `.json`.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use dropstar::{Call, Listener, Request, Response, Route, Server, Site};
//! use rem_time::SystemClock;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), dropstar::StartError> {
//! let site = Site::new("hello")
//!     .page(Route::get("/hello"), async |request: Request| {
//!         Response::text(format!("hello {}", request.arg("name").unwrap_or("world")))
//!     })
//!     .rpc("add", async |call: Call| {
//!         Ok(json!(call.number(0, "a")? + call.number(1, "b")?))
//!     });
//!
//! let listener = Listener::on(([127, 0, 0, 1], 0)).site(site);
//! let running = Server::bind([listener], Arc::new(SystemClock)).await?;
//! println!("listening on {}", running.addresses()[0]);
//! running.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Pages of scripts need no program: [`SiteFiles`] reads them from YAML.
//!
//! Nothing is reachable from another machine by accident: a listener beyond
//! loopback refuses to start without [`Auth::Accounts`] or an explicit
//! [`Auth::None`].

mod assets;
mod auth;
mod csrf;
mod encoding;
mod events;
mod exposition;
mod failure;
mod form;
mod limits;
mod listener;
mod metrics;
mod pages;
mod request;
mod response;
mod route;
mod rpc;
mod server;
mod site;
mod static_files;
mod template;
mod tls;

pub use assets::asset_url;
pub use auth::{AccountError, Accounts, Auth, Caller, Role, Via, hash_password};
pub use events::{Event, Hub, HubLimits, Subscription};
pub use exposition::{Exposition, Family, Samples};
pub use failure::Failure;
pub use form::Upload;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use limits::Limits;
pub use listener::Listener;
pub use metrics::Counters;
pub use pages::{Checked, ListenError, ScriptSites, SiteFiles};
pub use request::{Format, Request};
pub use response::{Cookie, Response};
pub use route::{Access, Route};
pub use rpc::{Call, RpcError};
pub use server::{Running, Server, StartError};
pub use site::Site;
pub use template::{TemplateError, Templates};
pub use tls::{Tls, TlsError};
