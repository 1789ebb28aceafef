"""All verbs in one place, in the order in which the help shows them."""

from cyclopts import App

from identity_engine.cli.admin import admin
from identity_engine.cli.augment import augment
from identity_engine.cli.bench import bench
from identity_engine.cli.case import case
from identity_engine.cli.consume import consume
from identity_engine.cli.contact import contact
from identity_engine.cli.crm import crm
from identity_engine.cli.dead_letters import dead_letters
from identity_engine.cli.demo import demo
from identity_engine.cli.doctor import doctor
from identity_engine.cli.evaluate import evaluate
from identity_engine.cli.export import export
from identity_engine.cli.ingest import ingest
from identity_engine.cli.interaction import interaction
from identity_engine.cli.model import model
from identity_engine.cli.policy import policy
from identity_engine.cli.projections import projections
from identity_engine.cli.publish import publish
from identity_engine.cli.reevaluate import reevaluate
from identity_engine.cli.rehearse import rehearse
from identity_engine.cli.review import review
from identity_engine.cli.search import search
from identity_engine.cli.settings import settings
from identity_engine.cli.simulate import simulate
from identity_engine.cli.store import store
from identity_engine.cli.why_not import why_not
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

for verb in (
    demo,
    ingest,
    consume,
    publish,
    reevaluate,
    dead_letters,
    contact,
    interaction,
    why_not,
    search,
    case,
    review,
    export,
    augment,
    crm,
    projections,
    store,
    policy,
    model,
    rehearse,
    admin,
    simulate,
    evaluate,
    bench,
    settings,
    doctor,
):
    app.command(verb)
