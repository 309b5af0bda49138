def text(raw):
    return ''
def write(raw, path):
    pass
