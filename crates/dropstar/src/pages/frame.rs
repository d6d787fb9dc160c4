//! What every template of a script page knows beside its data.

use serde::Serialize;

use crate::{Request, Role, Via};

#[derive(Serialize)]
pub(super) struct Frame<'a> {
    csrf_token: String,
    csp_nonce: &'a str,
    path: &'a str,
    site: &'a str,
    request_id: &'a str,
    caller: Caller<'a>,
    pub(super) menu: Vec<MenuItem>,
}

/// One entry of the site's menu.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MenuItem {
    pub(super) title: String,
    pub(super) href: String,
}

#[derive(Serialize)]
struct Caller<'a> {
    name: &'a str,
    role: Option<Role>,
    signed_in: bool,
    can_sign_out: bool,
    may_operate: bool,
    may_administer: bool,
}

impl<'a> Frame<'a> {
    pub(super) fn new(request: &'a Request, site: &'a str, menu: Vec<MenuItem>) -> Self {
        let caller = request.caller();
        Self {
            csrf_token: request.csrf_token(),
            csp_nonce: request.csp_nonce(),
            path: request.path(),
            site,
            request_id: request.id(),
            caller: Caller {
                name: caller.name(),
                role: caller.role(),
                signed_in: caller.via() != Via::Nothing,
                can_sign_out: caller.via() == Via::Session,
                may_operate: caller.may(Role::Operator),
                may_administer: caller.may(Role::Admin),
            },
            menu,
        }
    }
}
