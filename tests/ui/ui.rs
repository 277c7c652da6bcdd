//! What does not compile, and the messages that say what to do about it (`cases`).

// RT-23 is one of them.
#[test]
fn messages_of_what_does_not_compile_name_the_remedies() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
