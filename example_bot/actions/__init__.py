"""The actions of the bot, found by rasa_sdk. They read the message, and leave the work to `assistant`."""
