#!/bin/sh
# defaults.sh FOLDER - write the files of FOLDER as the table of defaults.h
printf '#include "tern/defaults.h"\n\nstruct default_setting const defaults[] = {\n'
for file in "$1"/*; do
	printf '\t{"%s",\n' "${file##*/}"
	sed 's/[\\"]/\\&/g; s/.*/\t\t"&\\n"/' "$file"
	printf '\t},\n'
done
printf '\t{0, 0},\n};\n'
