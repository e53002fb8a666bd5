//! Rejections of change batches.

/// The rejection of a request. `Display` gives `code: message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The batch contradicts itself, the zone or a limit. Each error has a message, in the order of the batch.
    #[error("InvalidChangeBatch: [{}]", .0.join(", "))]
    InvalidChangeBatch(Vec<String>),
    /// The request does not have the shape of the API.
    #[error("InvalidInput: {0}")]
    InvalidInput(String),
    /// The caller may not make this change.
    #[error("AccessDenied: {0}")]
    AccessDenied(String),
}

// === impl Refusal ===

impl Refusal {
    /// The error code of the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidChangeBatch(_) => "InvalidChangeBatch",
            Self::InvalidInput(_) => "InvalidInput",
            Self::AccessDenied(_) => "AccessDenied",
        }
    }

    /// The text of the `Message` element. For a change batch it is a list in brackets.
    pub fn message(&self) -> String {
        match self {
            Self::InvalidChangeBatch(messages) => format!("[{}]", messages.join(", ")),
            Self::InvalidInput(message) | Self::AccessDenied(message) => message.clone(),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        if matches!(self, Self::AccessDenied(_)) { 403 } else { 400 }
    }
}
