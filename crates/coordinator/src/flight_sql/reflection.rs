//! Reflection: which services there are and what their messages look like, for tools such as
//! `grpcurl`.

mod flight;

use tonic_reflection::server::Builder;
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};
use tonic_reflection::server::v1alpha::{
    ServerReflection as EarlierReflection, ServerReflectionServer as EarlierServer,
};

/// The service in its current form, and in the one that older tools ask for. `None` when the
/// descriptions do not fit together: a defect, which a test excludes, and no reason to serve nobody.
pub(super) fn reflection()
-> Option<(ServerReflectionServer<impl ServerReflection>, EarlierServer<impl EarlierReflection>)> {
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_file_descriptor_set(flight::descriptions())
    };
    let current =
        builder().build_v1().inspect_err(|error| tracing::error!(%error, "no reflection"));
    let earlier = builder().build_v1alpha();
    Some((current.ok()?, earlier.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptions_fit_together() {
        assert!(reflection().is_some());
    }
}
