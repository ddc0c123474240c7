//! The methods and messages that JSON callers may name, from the descriptors that reflection shows too.

use std::collections::HashMap;

use prost_reflect::{DescriptorError, DescriptorPool, MessageDescriptor, MethodDescriptor};

/// All services of the port, reflection apart.
#[derive(Debug)]
pub(in crate::api) struct Schema {
    methods: HashMap<String, MethodDescriptor>,
    /// The messages of `google.rpc`, which stand in the details of errors.
    details: DescriptorPool,
}

impl Schema {
    /// Reads the descriptors.
    ///
    /// # Errors
    /// When they are damaged, which a build cannot bring about.
    pub(in crate::api) fn load() -> Result<Self, DescriptorError> {
        let mut pool = DescriptorPool::decode(tandem_proto::DESCRIPTORS)?;
        pool.decode_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)?;
        let services: Vec<_> = pool.services().collect();
        let methods = services.iter().flat_map(|service| {
            let path = |method: &MethodDescriptor| format!("/{}/{}", service.full_name(), method.name());
            service.methods().map(move |method| (path(&method), method)).collect::<Vec<_>>()
        });
        let methods = methods.collect();
        Ok(Self { methods, details: DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)? })
    }

    pub(super) fn method(&self, path: &str) -> Option<&MethodDescriptor> {
        self.methods.get(path)
    }

    /// The message of an error's detail, by its full name.
    pub(super) fn detail(&self, name: &str) -> Option<MessageDescriptor> {
        self.details.get_message_by_name(name)
    }
}
