"""From a signed head to one that witnesses have cosigned.

settings    which witnesses, how often, and how long to wait for them
opening     from settings to the witnesses that are asked, and whether the log may write
terms       the policy file
links       the conversation with one witness
collector   the newest head goes to all witnesses; what they sign is gathered
rollback    has this log forgotten something? its witnesses are asked
"""
