"""Examples of the facts about the CRM; `golden_facts` joins them."""

from aggregates.crm import (
    CrmCorrectionApproved,
    CrmCorrectionDropped,
    CrmCorrectionProposed,
    CrmCorrectionSent,
    CrmCreationAsked,
    CrmCreationFailed,
    CrmReasonPersonal,
    CrmRecordCreated,
    CrmRecordLinked,
    CrmRecordUnlinked,
    CrmWriteBackDue,
    CrmWriteFailed,
    CrmWrittenBack,
    FormPersonal,
    RecordPersonal,
)

CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
LINK = "019b1c3e-7c5a-7000-8000-00000000000c"
CREATION = "019b1c3e-7c5a-7000-8000-00000000000d"
RECORD = RecordPersonal(
    record_id="0035g00000AbCdE", label="Zoë 髙橋", address="https://crm.example/0035g00000AbCdE"
)
NAMED = {"contact_id": CONTACT, "link_id": LINK}
ASKED = {"contact_id": CONTACT, "creation_id": CREATION}

FACTS_OF_CRM = (
    CrmRecordLinked(**NAMED, record_type="contact", division="north", personal=RECORD),
    CrmRecordUnlinked(**NAMED, personal=CrmReasonPersonal(reason="Das ist ihr Bruder.")),
    CrmWriteBackDue(**NAMED, trigger="wrap_up_timeout"),
    CrmWrittenBack(**NAMED, due=2, activity_id="00T5g01", version="v2", sent_as=CONTACT),
    CrmWriteFailed(**NAMED, reason="throttled"),
    CrmCorrectionProposed(**NAMED, correction="rewrite", cause="merged"),
    CrmCorrectionDropped(**NAMED),
    CrmCorrectionApproved(**NAMED),
    CrmCorrectionSent(
        **NAMED, correction="rewrite", activity_id="00T5g01", version="v3", sent_as=CONTACT
    ),
    CrmCreationAsked(
        **ASKED,
        record_type="lead",
        division="north",
        link=True,
        personal=FormPersonal(fields={"LastName": "髙橋"}),
    ),
    CrmRecordCreated(**ASKED, personal=RECORD),
    CrmCreationFailed(**ASKED, reason="refused", final=True),
)
