use std::fmt;
use std::sync::Arc;

use redeye_cloud::{
    Answer, Begun, Capabilities, CloudError, Handle, Id, Info, Kind, Listing, Megavisor, Plan,
    Progress, Recovered, Request, Resource, Scope, Verb,
};
use rem_time::{Clock, Span};
use tokio::sync::OnceCell;

use crate::clients::Clients;
use crate::settings::Settings;

/// One account of EC2 in one region.
pub struct Ec2Megavisor {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    info: Info,
    capabilities: Capabilities,
    clients: OnceCell<Clients>,
}

impl fmt::Debug for Ec2Megavisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ec2Megavisor")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl Ec2Megavisor {
    /// Costs nothing: credentials and connections are made at the first request.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        // EC2 decides itself whether it pulls the plug of what does not reboot.
        let does = Verb::all().filter(|verb| *verb != Verb::ForceRebootInstance);
        Self {
            info: Info {
                name: settings.scope.megavisor.clone(),
                version: 1,
                sort: "ec2",
                scopes: vec![settings.scope.clone()],
                at_once: settings.at_once.max(1),
                rest: Span::ZERO,
            },
            capabilities: Capabilities::new(Kind::ALL, does),
            clients: OnceCell::new(),
            settings,
            clock,
        }
    }

    /// The only scope.
    pub fn scope(&self) -> &Scope {
        &self.settings.scope
    }

    pub(crate) async fn clients(&self) -> &Clients {
        self.clients
            .get_or_init(|| Clients::new(&self.settings))
            .await
    }
}

impl Megavisor for Ec2Megavisor {
    fn info(&self) -> &Info {
        &self.info
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn list<'a>(&'a self, _: &'a Scope, kind: Kind) -> Answer<'a, Listing<Resource>> {
        Box::pin(self.list_all(kind))
    }

    fn get<'a>(&'a self, _: &'a Scope, kind: Kind, id: &'a Id) -> Answer<'a, Option<Resource>> {
        Box::pin(self.look_at(kind, id))
    }

    fn plan<'a>(&'a self, request: &'a Request) -> Answer<'a, Plan> {
        Box::pin(self.planned(request))
    }

    fn begin<'a>(&'a self, request: &'a Request) -> Answer<'a, Begun> {
        Box::pin(self.act(request))
    }

    fn poll<'a>(&'a self, request: &'a Request, handle: &'a Handle) -> Answer<'a, Progress> {
        Box::pin(self.follow(request, handle))
    }

    fn recover<'a>(&'a self, request: &'a Request) -> Answer<'a, Recovered> {
        Box::pin(self.find_out(request))
    }

    /// EC2 takes nothing back; what it was told goes on.
    fn cancel<'a>(&'a self, _: &'a Request, _: &'a Handle) -> Answer<'a, ()> {
        Box::pin(async { Ok::<(), CloudError>(()) })
    }
}
