"""All verbs in one place, in the order in which the help shows them."""

from cyclopts import App

from identity_engine.cli import (
    administration,
    augmentation,
    cases,
    consuming,
    contacts,
    crm,
    demo,
    diagnosis,
    divisions,
    editing,
    enriching,
    identifiers,
    ingesting,
    interactions,
    lifecycle,
    mails,
    measuring,
    merging,
    migrating,
    models,
    notes,
    policy,
    publishing,
    rehearsing,
    reviewing,
    settings,
    stores,
    views,
)
from identity_engine.version import __version__

app = App(
    name="identity-engine",
    help="Link every interaction to its contact, explain each decision, replay all of it.\n\n"
    "Every verb takes --actor ID: who acts (default: the setting `actor`, else the owner), and\n"
    "--config FILE: the settings (default: identity-engine.toml here, else in the user's folder).",
    version=__version__,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # else it ends without the sentence that main has for it
)

app.command(demo.demo)
app.command(ingesting.ingest)
app.command(consuming.consume)
app.command(publishing.publish)
app.command(ingesting.reevaluate)
app.command(ingesting.dead_letters, name="dead-letters")
merging.add_to(contacts.contact)
contacts.contact.command(editing.create)
contacts.contact.command(editing.edit)
contacts.contact.command(editing.promote)
contacts.contact.command(enriching.enrich)
contacts.contact.command(identifiers.identifier)
contacts.contact.command(interactions.journey)
contacts.contact.command(notes.note)
app.command(contacts.contact)
for verb in (lifecycle.sweep, lifecycle.delete, lifecycle.restore, lifecycle.hold):
    contacts.contact.command(verb)
contacts.contact.command(divisions.move)
contacts.contact.command(divisions.across)
app.command(interactions.interaction)
app.command(contacts.why_not)
app.command(contacts.search)
cases.case.command(mails.mail)
app.command(cases.case)
app.command(reviewing.review)
app.command(contacts.export)
app.command(augmentation.augment)
app.command(crm.crm)
app.command(views.projections)
migrating.add_to(stores.store)
app.command(stores.store)
app.command(policy.policy)
app.command(models.model)
app.command(rehearsing.rehearse)
app.command(administration.admin)
app.command(measuring.simulate)
app.command(measuring.evaluate)
app.command(measuring.bench)
app.command(settings.settings)
app.command(diagnosis.doctor)
