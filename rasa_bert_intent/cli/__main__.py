"""`python -m rasa_bert_intent.cli`, where the console script is not on the PATH."""

import sys

from rasa_bert_intent.cli import main

sys.exit(main())
