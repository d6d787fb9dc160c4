//! Requests to a site of script pages.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use parking_lot::{Mutex, RwLock};
use procblock::{Block, Call, Engine, RunError};
use serde_json::{Map, Value, json};

use super::frame::{Frame, MenuItem};
use super::outcome::{Outcome, pipe_data};
use super::package::{Package, Version};
use super::package_file::{FunctionFile, PageFile};
use super::percent;
use super::template_file::{Source, choose};
use crate::rpc::{self, Rpc};
use crate::{Caller, Format, Request, Response, Role, RpcError, csrf};

/// Where programs call functions of the whole site.
const RPC_PATHS: [&str; 2] = ["/rpc", "/RPC2"];
/// Form fields that are ours.
const OWN_FIELDS: [&str; 1] = ["_csrf"];

/// A package where it hangs.
#[derive(Clone, Debug)]
pub(super) struct Mounted {
    pub(super) package: Arc<Package>,
    pub(super) mount: String,
    pub(super) mount_rpc: String,
}

/// A site whose pages and functions come from package files.
pub(super) struct ScriptSite {
    name: String,
    engine: Engine,
    packages: RwLock<Arc<Vec<Mounted>>>,
    methods: Mutex<Option<Methods>>,
}

/// A package as it is for one request.
struct Now {
    mounted: Mounted,
    version: Arc<Version>,
}

/// The functions of one state of all packages.
struct Methods {
    of: Vec<Arc<Version>>,
    rpc: Arc<Rpc>,
}

impl ScriptSite {
    pub(super) fn new(name: String, engine: Engine, packages: Vec<Mounted>) -> Arc<Self> {
        Arc::new(Self {
            name,
            engine,
            packages: RwLock::new(Arc::new(packages)),
            methods: Mutex::default(),
        })
    }

    pub(super) fn replace(&self, packages: Vec<Mounted>) {
        *self.packages.write() = Arc::new(packages);
    }

    /// Processes what the packages say is to be done at the start.
    pub(super) fn start(&self) {
        for mounted in self.packages.read().iter() {
            let (version, _) = mounted.package.current();
            self.start_package(&version);
        }
    }

    fn start_package(&self, version: &Arc<Version>) {
        let blocks: Vec<Block> = version.file.starts().cloned().collect();
        if blocks.is_empty() {
            return;
        }
        let engine = self.engine.clone();
        tokio::spawn(async move {
            for block in blocks {
                let call = Call::new().data("render", "False");
                if let Err(error) = Box::pin(engine.process(&block, call)).await {
                    tracing::error!("start failed: {}", told(&error));
                }
            }
        });
    }

    fn now(&self) -> Vec<Now> {
        let packages = self.packages.read().clone();
        let now = packages.iter().map(|mounted| {
            let (version, is_new) = mounted.package.current();
            if is_new {
                self.start_package(&version);
            }
            Now {
                mounted: mounted.clone(),
                version,
            }
        });
        now.collect()
    }

    /// A miss goes from page to function to file, then to the next package.
    pub(super) async fn answer(self: Arc<Self>, request: Request) -> Response {
        let packages = self.now();
        if let Some(kind) = rpc_kind(&request, &packages) {
            return self.answer_rpc(&request, &packages, kind).await;
        }
        for now in &packages {
            if let Some(answer) = self.ask_package(&request, now, &packages).await {
                return answer;
            }
        }
        let first = menu(&packages, request.caller()).into_iter().next();
        match first.filter(|_| request.path() == "/" && is_read(&request)) {
            Some(first) => Response::redirect(&first.href),
            None => Response::not_found(),
        }
    }

    async fn ask_package(
        &self,
        request: &Request,
        now: &Now,
        packages: &[Now],
    ) -> Option<Response> {
        let file = &now.version.file;
        let path = request.path();
        let below = path.strip_prefix(now.mounted.mount.as_str());
        if let Some(below) = below {
            let format = request.format();
            let exact = file.page(below).map(|page| (page, format));
            let twin = || Some((file.page(below.strip_suffix(".json")?)?, Format::Json));
            if let Some((page, format)) = exact.or_else(twin) {
                return Some(self.page(request, now, page, format, packages).await);
            }
        }
        let name = path.strip_prefix(now.mounted.mount_rpc.as_str());
        if let Some(function) = name.and_then(|name| file.function(name)) {
            return Some(self.function(request, now, function).await);
        }
        let below = below.filter(|_| is_read(request))?;
        for folder in &now.version.folders {
            match folder.answer(below, path, request.headers()).await {
                Ok(Some(answer)) => return Some(answer),
                Ok(None) => {}
                Err(error) => {
                    let reason = crate::encoding::chain(&error);
                    return Some(internal(request, request.format(), reason));
                }
            }
        }
        None
    }

    async fn page(
        &self,
        request: &Request,
        now: &Now,
        page: &PageFile,
        format: Format,
        packages: &[Now],
    ) -> Response {
        if let Some(refusal) = refused(request, page.role) {
            return refusal;
        }
        let state = request_state(request, now, "http", &page.path);
        let outcome = self.process(&page.block, args(request), state).await;
        let mut outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return internal(request, format, told(&error)),
        };
        if let Some(answer) = outcome.without_template() {
            return outcome.finish(answer, request.is_tls());
        }
        let template = choose(&page.templates, &outcome.data);
        let source = match template {
            Ok(source) if format == Format::Html => source,
            Ok(_) => None,
            Err(error) => return internal(request, format, crate::encoding::chain(&error)),
        };
        let Some(source) = source else {
            let answer = Response::json(&outcome.data);
            return outcome.finish(answer, request.is_tls());
        };
        match self
            .render(request, now, page, source, &outcome.data, packages)
            .await
        {
            Ok(html) => {
                let mut answer = Response::html(html);
                if let Some(refresh) = page.refresh.filter(|_| is_read(request)) {
                    let seconds = refresh.as_secs_f64().ceil().to_string();
                    answer = answer.with_header(header::REFRESH, &seconds);
                }
                outcome.finish(answer, request.is_tls())
            }
            Err(why) => internal(request, format, why),
        }
    }

    async fn render(
        &self,
        request: &Request,
        now: &Now,
        page: &PageFile,
        source: &Source,
        data: &Map<String, Value>,
        packages: &[Now],
    ) -> Result<String, String> {
        let mut data = data.clone();
        let is_asked = data.get("title") == request.args().get("title");
        if let Some(title) = page.title.as_deref().filter(|_| is_asked) {
            // A script may have said another title; a request may not.
            data.insert("title".into(), title.into());
        }
        if !data.contains_key("args") {
            data.insert("args".into(), Value::Object(args(request)));
        }
        if let Source::Percent { path, escape } = source {
            let text = tokio::fs::read_to_string(path).await;
            let text =
                text.map_err(|error| format!("cannot read template {}: {error}", path.display()))?;
            return Ok(percent::render(&text, &data, *escape));
        }
        let menu = menu(packages, request.caller());
        let frame = Frame::new(request, &self.name, menu);
        let (templates, data) = (&now.mounted.package.templates, Value::Object(data));
        let rendered = match source {
            Source::Jinja(name) => templates.render_page(name, &data, &frame),
            Source::Text(text) => templates.render_page_text(text, &data, &frame),
            Source::Percent { .. } => return Err("no template".into()),
        };
        rendered.map_err(|error| error.to_string())
    }

    /// A function asked for as an address of its own.
    async fn function(&self, request: &Request, now: &Now, function: &FunctionFile) -> Response {
        if let Some(refusal) = refused(request, Some(function.role.unwrap_or(Role::Operator))) {
            return refusal;
        }
        let host = request.header("host").unwrap_or("");
        if is_read(request) && !csrf::same_origin(request.headers(), &[host]) {
            let message = "functions are not for pages of other sites";
            return Response::failure(StatusCode::FORBIDDEN, message);
        }
        let state = request_state(request, now, "rpc", &function.name);
        match self.process(&function.block, args(request), state).await {
            Ok(mut outcome) => {
                let mut data = std::mem::take(&mut outcome.data);
                if let Some(output) = outcome.output.take() {
                    data.insert("output".into(), output);
                }
                outcome.finish(Response::json(&data), request.is_tls())
            }
            Err(error) => internal(request, Format::Json, told(&error)),
        }
    }

    async fn process(
        &self,
        block: &Block,
        args: Map<String, Value>,
        state: Map<String, Value>,
    ) -> Result<Outcome, RunError> {
        process(&self.engine, block, args, state).await
    }

    /// JSON-RPC and XML-RPC over all packages.
    async fn answer_rpc(&self, request: &Request, packages: &[Now], kind: Kind) -> Response {
        let methods = self.methods(packages);
        let (body, caller) = (request.body(), request.caller());
        match kind {
            Kind::Json => match rpc::answer_json(&methods, body, caller).await {
                Some(answer) => Response::bytes("application/json", answer),
                None => Response::new(StatusCode::NO_CONTENT),
            },
            Kind::Xml => {
                let answer = rpc::answer_xml(&methods, body, caller).await;
                Response::bytes("text/xml; charset=utf-8", answer)
            }
        }
    }

    fn methods(&self, packages: &[Now]) -> Arc<Rpc> {
        let versions = || packages.iter().map(|now| &now.version);
        let mut known = self.methods.lock();
        if let Some(known) = &*known
            && known.of.len() == packages.len()
            && known
                .of
                .iter()
                .zip(versions())
                .all(|(a, b)| Arc::ptr_eq(a, b))
        {
            return known.rpc.clone();
        }
        let mut rpc = Rpc::new();
        for function in versions().flat_map(|version| &version.file.functions) {
            let (engine, block) = (self.engine.clone(), function.block.clone());
            // Of two functions of one name, that of the first package answers.
            rpc.add(
                function.role.unwrap_or(Role::Operator),
                &function.name,
                move |call| call_block(engine.clone(), block.clone(), call),
            );
        }
        let rpc = Arc::new(rpc);
        *known = Some(Methods {
            of: versions().cloned().collect(),
            rpc: rpc.clone(),
        });
        rpc
    }
}

impl std::fmt::Debug for ScriptSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptSite")
            .field("name", &self.name)
            .field("packages", &*self.packages.read())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Json,
    Xml,
}

/// A call for the site's functions by name, which its body tells.
fn rpc_kind(request: &Request, packages: &[Now]) -> Option<Kind> {
    if *request.method() != Method::POST {
        return None;
    }
    let path = request.path();
    let bare =
        |mounted: &Mounted| mounted.mount_rpc.trim_end_matches('/') == path.trim_end_matches('/');
    if !RPC_PATHS.contains(&path) && !packages.iter().any(|now| bare(&now.mounted)) {
        return None;
    }
    let kind = request.header("content-type")?.split(';').next()?.trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/json" => Some(Kind::Json),
        "text/xml" | "application/xml" => Some(Kind::Xml),
        _ => None,
    }
}

async fn call_block(engine: Engine, block: Block, call: crate::Call) -> Result<Value, RpcError> {
    let args = match call.params {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        other => Map::from_iter([("args".to_owned(), other)]),
    };
    let state = json!({
        "protocol": "rpc", "rpc": &*call.method, "args": args, "user": call.caller.name(),
        "role": call.caller.role(),
    });
    let Value::Object(state) = state else {
        return Err(RpcError::new(RpcError::INTERNAL, "internal error"));
    };
    match process(&engine, &block, args, state).await {
        Ok(mut outcome) => {
            if let Some(output) = outcome.output.take() {
                outcome.data.insert("output".into(), output);
            }
            Ok(Value::Object(outcome.data))
        }
        Err(error) => {
            tracing::error!(method = &*call.method, "method failed: {}", told(&error));
            Err(RpcError::new(RpcError::INTERNAL, "internal error"))
        }
    }
}

async fn process(
    engine: &Engine,
    block: &Block,
    args: Map<String, Value>,
    state: Map<String, Value>,
) -> Result<Outcome, RunError> {
    let call = Call {
        pipe_data: pipe_data(&args),
        input_data: Arc::new(args),
        request_state: Arc::new(state),
        ..Call::new()
    };
    // Boxed: the future of a whole block is large.
    Box::pin(engine.process(block, call)).await.map(Outcome::of)
}

fn args(request: &Request) -> Map<String, Value> {
    let mut args = request.args().clone();
    for field in OWN_FIELDS {
        args.shift_remove(field);
    }
    args
}

/// What scripts know of a request beside its arguments. Credentials stay with us.
fn request_state(request: &Request, now: &Now, protocol: &str, name: &str) -> Map<String, Value> {
    let headers: Map<String, Value> = request
        .headers()
        .iter()
        .filter(|(name, _)| **name != header::AUTHORIZATION && **name != header::COOKIE)
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        })
        .collect();
    let cookies: Map<String, Value> = request
        .headers()
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| !name.starts_with("dropstar_"))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let kind = if protocol == "rpc" { "rpc" } else { "page" };
    let mount = match protocol {
        "rpc" => ("rpc_mount", &now.mounted.mount_rpc),
        _ => ("page_mount", &now.mounted.mount),
    };
    let pairs: [(&str, Value); 14] = [
        ("headers", headers.into()),
        ("cookies", cookies.into()),
        ("method", request.method().as_str().into()),
        ("path", request.path().into()),
        ("args", args(request).into()),
        ("host", request.host().into()),
        ("port", request.port().into()),
        ("protocol", protocol.into()),
        (kind, name.into()),
        (mount.0, mount.1.as_str().into()),
        (
            "package",
            now.mounted.package.path.display().to_string().into(),
        ),
        ("remote", request.peer().ip().to_string().into()),
        ("user", request.caller().name().into()),
        ("id", request.id().into()),
    ];
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Reading is for viewers, everything else for operators, unless the page says
/// otherwise.
fn refused(request: &Request, role: Option<Role>) -> Option<Response> {
    if !is_read(request) && *request.method() != Method::POST {
        let message = "this address does not take this method";
        let answer = Response::failure(StatusCode::METHOD_NOT_ALLOWED, message);
        return Some(answer.with_header(header::ALLOW, "GET, HEAD, POST"));
    }
    let usual = if is_read(request) {
        Role::Viewer
    } else {
        Role::Operator
    };
    let role = role.unwrap_or(usual);
    if request.caller().may(role) {
        return None;
    }
    Some(Response::failure(
        StatusCode::FORBIDDEN,
        format!("this needs the role {role}"),
    ))
}

/// Every page with a name in the menu that the caller may see.
fn menu(packages: &[Now], caller: &Caller) -> Vec<MenuItem> {
    let mut items: Vec<MenuItem> = Vec::new();
    for now in packages {
        for page in &now.version.file.pages {
            let Some(title) = &page.menu else { continue };
            if !caller.may(page.role.unwrap_or(Role::Viewer)) {
                continue;
            }
            let href = format!("{}{}", now.mounted.mount, page.path);
            if items.iter().all(|item| item.href != href) {
                items.push(MenuItem {
                    title: title.clone(),
                    href,
                });
            }
        }
    }
    items
}

fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// A page, or an object, that says no more than under which number the log has
/// the reason.
fn internal(request: &Request, format: Format, reason: String) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let message = "something went wrong here";
    let answer = match format {
        Format::Html => Response::failure(status, message),
        Format::Json => {
            let error = json!({"status": 500, "message": message, "id": request.id()});
            Response::json(&json!({ "error": error })).with_status(status)
        }
    };
    answer.with_detail(Some(reason))
}

/// What went wrong, with the traceback of a script.
fn told(error: &RunError) -> String {
    let text = crate::encoding::chain(error);
    match error.traceback() {
        Some(traceback) => format!("{text}\n{}", traceback.trim_end()),
        None => text,
    }
}
