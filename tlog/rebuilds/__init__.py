"""Whether an artifact can be built again from what its attestation says.

members     what an archive holds, apart from how it holds it
comparing   two files: equal, equal after named stabilisers, or different by how much
building    the attested source, fetched and built in a clean folder
stating     the result, signed and logged, whatever it is
"""
