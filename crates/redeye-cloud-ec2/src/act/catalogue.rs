use aws_sdk_ec2::types as ec2;
use aws_smithy_types::Blob;
use redeye_cloud::{
    Begun, Class, CloudError, Handle, Hidden, Id, ImageState, Kind, Name, Outcome, Progress,
    Recovered, Request, Resource, Tags,
};

use super::{Under, made, marked, missing, sent, tag_specification};
use crate::convert::id as named;
use crate::megavisor::Ec2Megavisor;

impl Ec2Megavisor {
    pub(super) async fn create_key(
        &self,
        request: &Request,
        name: &str,
        tags: &Tags,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, tags);
        let call = self
            .clients()
            .await
            .ec2
            .create_key_pair()
            .key_name(name)
            .tag_specifications(tag_specification(ec2::ResourceType::KeyPair, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        let id = named(answer.key_name()).or_else(|| named(answer.key_pair_id()));
        Ok(Begun::Done(Outcome {
            secret: answer.key_material().map(Hidden::new),
            ..Outcome::changed(id)
        }))
    }

    pub(super) async fn import_key(
        &self,
        request: &Request,
        (name, public_key): (&str, &str),
        tags: &Tags,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, tags);
        let call = self
            .clients()
            .await
            .ec2
            .import_key_pair()
            .key_name(name)
            .public_key_material(Blob::new(public_key.trim()))
            .tag_specifications(tag_specification(ec2::ResourceType::KeyPair, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        let id = named(answer.key_name()).or_else(|| named(answer.key_pair_id()));
        Ok(Begun::Done(Outcome::changed(id)))
    }

    pub(super) async fn delete_key(
        &self,
        id: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let Some(Resource::KeyPair(key)) = self.look_at(Kind::KeyPair, id).await? else {
            return Err(missing(doing, Kind::KeyPair, id));
        };
        let call = self
            .clients()
            .await
            .ec2
            .delete_key_pair()
            .key_name(key.name)
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(Begun::Done(Outcome::changed([id.clone()])))
    }

    /// A pair of which nobody has the private half is worth nothing: it is taken back,
    /// and made anew.
    pub(super) async fn recover_key(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<Recovered, CloudError> {
        for found in self.wait_made(request, Kind::KeyPair, 1, doing).await? {
            if let Resource::KeyPair(key) = found {
                let ec2 = &self.clients().await.ec2;
                sent!(ec2.delete_key_pair().key_name(key.name), doing)?;
            }
        }
        Ok(Recovered::SendAgain)
    }

    pub(super) async fn create_image(
        &self,
        request: &Request,
        (instance, name): (&Id, &str),
        tags: &Tags,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, tags);
        let call = self
            .clients()
            .await
            .ec2
            .create_image()
            .instance_id(instance.as_str())
            .name(name)
            // An image must not cost an instance its uptime.
            .no_reboot(true)
            .tag_specifications(tag_specification(ec2::ResourceType::Image, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        Ok(self.begun([made(answer.image_id(), doing)?]))
    }

    pub(super) async fn copy_image(
        &self,
        request: &Request,
        (id, from): (&Id, &Name),
        name: &str,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, &Tags::new());
        let call = self
            .clients()
            .await
            .ec2
            .copy_image()
            .client_token(request.id.to_string())
            .source_region(from.as_str())
            .source_image_id(id.as_str())
            .name(name)
            .tag_specifications(tag_specification(ec2::ResourceType::Image, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        Ok(self.begun([made(answer.image_id(), doing)?]))
    }

    pub(super) async fn follow_image(
        &self,
        handle: &Handle,
        under: &Under,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        for id in &handle.ids {
            let Some(Resource::Image(image)) = self.look_at(Kind::Image, id).await? else {
                return Ok(match self.is_fresh(under) {
                    true => self.running(handle, "not seen yet"),
                    false => Progress::Failed(missing(doing, Kind::Image, id)),
                });
            };
            match image.state {
                ImageState::Available => {}
                ImageState::Error => {
                    let message = format!("EC2 could not make {id}");
                    let error = CloudError::new(Class::Failed, doing, message);
                    return Ok(Progress::Failed(error));
                }
                ImageState::Pending | ImageState::Unknown => {
                    return Ok(self.running(handle, "pending"));
                }
            }
        }
        Ok(Progress::Done(Outcome::changed(handle.ids.clone())))
    }

    pub(super) async fn delete_image(
        &self,
        id: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let call = self
            .clients()
            .await
            .ec2
            .deregister_image()
            .image_id(id.as_str())
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(Begun::Done(Outcome::changed([id.clone()])))
    }
}
