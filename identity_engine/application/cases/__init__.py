"""Cases: mail that comes in opens or joins them, mail goes out from them, the sweep closes them."""
