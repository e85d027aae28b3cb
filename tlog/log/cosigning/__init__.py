"""From a signed head to one that witnesses have cosigned.

settings     which witnesses, how often, and how long to wait for them
opening      from settings to the witnesses that are asked, and the guard
policy_file  which witnesses a log asks, and whom others are to trust
links        the conversation with one witness
gathering    PURE: which head is sent, which is shown
collector    the tasks around it: the newest head goes to all witnesses
sightings    heads that witnesses show, compared with what the log has
guard        may the log write: confirmed by a quorum, contradicted by nobody
"""
