//! What is answered to a request that is not served.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::InvalidConfig;

/// Why a request is refused, as a status and as JSON that names the field, its value and the rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    status: StatusCode,
    error: String,
    field: Option<(String, Value, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), field: None }
    }

    /// A field that breaks a rule.
    pub(super) fn of(field: impl Into<String>, value: Value, rule: impl Into<String>) -> Self {
        let (field, rule) = (field.into(), rule.into());
        let error = format!("invalid `{field}` = {value}: {rule}");
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, error, field: Some((field, value, rule)) }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn json(&self) -> Value {
        match &self.field {
            None => json!({ "error": self.error }),
            Some((field, value, rule)) => {
                json!({ "error": self.error, "field": field, "value": value, "rule": rule })
            }
        }
    }
}

impl From<InvalidConfig> for Refusal {
    fn from(invalid: InvalidConfig) -> Self {
        Self::of(invalid.field(), invalid.value().into(), invalid.rule())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status, &self.json());
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) fn json_response(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
