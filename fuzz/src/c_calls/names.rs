//! The names of the C interface: a function that the header declares and that is not here stops the fuzzer.

use shokyo::ffi;

/// Where a function is.
pub struct Address(pub *const ());

// SAFETY: it is never followed but to call the function, which every thread may do.
unsafe impl Sync for Address {}

/// Left out: they change the whole process, for good. Tests with processes of their own call them.
pub const LEFT_OUT: [&str; 4] =
    ["shokyo_harden_process", "shokyo_erase_on_exit", "shokyo_erase_on_signals", "shokyo_erase_now"];

macro_rules! addresses {
    ($($name:ident)*) => {
        /// Every other function.
        pub static ADDRESSES: &[(&str, Address)] = &[$((stringify!($name), Address(ffi::$name as *const ()))),*];
    };
}

macro_rules! structs {
    ($($name:ident)*) => {
        /// Every struct, and its size in bytes.
        pub const STRUCTS: &[(&str, usize)] = &[$((stringify!($name), size_of::<ffi::$name>())),*];
    };
}

addresses! {
    shokyo_abi_version shokyo_buffer_erase shokyo_buffer_for_each_window shokyo_buffer_free shokyo_buffer_length
    shokyo_buffer_read_at shokyo_cause_name shokyo_clock shokyo_copy_class_name shokyo_copy_erase shokyo_copy_free
    shokyo_customer_acknowledge shokyo_customer_begin shokyo_customer_cancel shokyo_customer_choose
    shokyo_customer_describe shokyo_customer_free shokyo_customer_handle_apply_failed
    shokyo_customer_handle_authentication shokyo_customer_handle_device shokyo_customer_handle_kiosk
    shokyo_customer_handle_payment shokyo_customer_handle_timeout shokyo_customer_next_deadline
    shokyo_customer_poll_event shokyo_customer_poll_record shokyo_customer_store_records shokyo_detail
    shokyo_erasure_copy_at shokyo_erasure_copy_count shokyo_erasure_describe shokyo_erasure_free
    shokyo_erasure_verified shokyo_frame_session shokyo_issuer_abandon shokyo_issuer_application
    shokyo_issuer_cancel shokyo_issuer_free shokyo_issuer_handle_frame shokyo_issuer_handle_peer_back
    shokyo_issuer_handle_peer_lost shokyo_issuer_handle_stored shokyo_issuer_handle_timeout shokyo_issuer_new
    shokyo_issuer_next_deadline shokyo_issuer_offer shokyo_issuer_open_sessions shokyo_issuer_poll_event
    shokyo_issuer_poll_frame shokyo_issuer_poll_record shokyo_issuer_shutdown shokyo_issuer_store_records
    shokyo_issuer_write shokyo_kiosk_abandon shokyo_kiosk_apply shokyo_kiosk_attachment shokyo_kiosk_cancel
    shokyo_kiosk_delivered shokyo_kiosk_for_each_window shokyo_kiosk_free shokyo_kiosk_handle_frame
    shokyo_kiosk_handle_peer_back shokyo_kiosk_handle_peer_lost shokyo_kiosk_handle_stored
    shokyo_kiosk_handle_timeout shokyo_kiosk_is_finished shokyo_kiosk_next_deadline shokyo_kiosk_poll_event
    shokyo_kiosk_poll_frame shokyo_kiosk_poll_record shokyo_kiosk_print shokyo_kiosk_prove shokyo_kiosk_read_at
    shokyo_kiosk_register_copy shokyo_kiosk_session shokyo_kiosk_store_records shokyo_link_accept shokyo_link_close
    shokyo_link_connect shokyo_link_describe shokyo_link_free shokyo_link_handle_timeout shokyo_link_is_open
    shokyo_link_next_deadline shokyo_link_poll_bytes shokyo_link_poll_frame shokyo_link_receive
    shokyo_link_receive_end shokyo_link_send_frame shokyo_log_to shokyo_not_covered_text shokyo_outbox_free
    shokyo_outbox_handle_frame shokyo_outbox_handle_peer_back shokyo_outbox_handle_peer_lost
    shokyo_outbox_handle_timeout shokyo_outbox_new shokyo_outbox_next_deadline shokyo_outbox_poll_frame
    shokyo_outbox_store_records shokyo_receipt_copy_at shokyo_receipt_describe shokyo_receipt_event_name
    shokyo_receipt_event_text shokyo_receipt_export shokyo_receipt_free shokyo_receipt_not_covered_at
    shokyo_receipt_read_unverified shokyo_receipt_retained_at shokyo_receipt_text shokyo_receipt_verify
    shokyo_relay_abandon shokyo_relay_attach shokyo_relay_free shokyo_relay_handle_frame
    shokyo_relay_handle_peer_back shokyo_relay_handle_peer_lost shokyo_relay_handle_sent shokyo_relay_handle_stored
    shokyo_relay_handle_timeout shokyo_relay_must_wait shokyo_relay_new shokyo_relay_next_deadline
    shokyo_relay_open_sessions shokyo_relay_poll_event shokyo_relay_poll_frame shokyo_relay_poll_record
    shokyo_relay_shutdown shokyo_relay_store_records shokyo_role_name shokyo_station_address shokyo_station_describe
    shokyo_station_free shokyo_station_lost_at shokyo_station_open shokyo_station_reload_revocation
    shokyo_station_vault shokyo_status_text shokyo_store_checkpoint shokyo_store_count shokyo_store_for_each_alarm
    shokyo_store_for_each_receipt shokyo_store_for_each_session shokyo_store_free shokyo_store_open
    shokyo_store_publish shokyo_store_session shokyo_store_verify_log shokyo_vault_erase_all shokyo_vault_free
    shokyo_vault_open shokyo_vault_protections shokyo_version shokyo_wipe shokyo_writer_erase shokyo_writer_finish
    shokyo_writer_free shokyo_writer_new shokyo_writer_write
}

structs! {
    shokyo_vault_options shokyo_erase_all_outcome shokyo_binding shokyo_erasure_info shokyo_erased_copy
    shokyo_hardening_options shokyo_hardened shokyo_log_event shokyo_now shokyo_station_options shokyo_station_info
    shokyo_lost_session shokyo_link_info shokyo_application shokyo_record shokyo_event shokyo_customer_policy
    shokyo_customer_event shokyo_customer_info shokyo_receipt_info shokyo_retained_copy shokyo_store_counts
    shokyo_session_info shokyo_stored_receipt shokyo_alarm shokyo_log_check shokyo_log_report
}
