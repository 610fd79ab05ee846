"""`tikhub-ai doctor`: asks a gateway whether it does what this library thinks it does. docs/doctor.md says what.

Half of what is known of TikHub's gateway is inferred from its documents, from the providers' own and from gateways of
its kind. Who has a key can ask it.
"""
