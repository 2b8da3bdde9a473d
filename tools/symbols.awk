# Makes the symbol table for backtraces: from `nm -n` of a linked image to an assembly file that is
# linked in again. Text symbols only, one an address, names in the order of addresses: the same
# image gives the same file. Empty input gives an empty table, for the first of the two links.
#
#     awk -f tools/symbols.awk </dev/null >empty.S          link with it: image-1
#     nm -n image-1 | awk -f tools/symbols.awk >symbols.S   link with it: the image
#
# The table lies behind .text (arch/x86_64/linker.ld), so the second link moves no function.

BEGIN {
    count = 0
    bytes = 0
}

# "0000000000101234 T name"; names that start with a dot are the assembler's own. Link-time
# optimisation tells static functions of one name apart by a suffix.
$2 ~ /^[tTwW]$/ && $3 !~ /^\./ && $1 != last {
    last = $1
    sub(/\.lto_priv\.[0-9]+$/, "", $3)
    address[count] = $1
    name[count] = $3
    offset[count] = bytes
    bytes += length($3) + 1
    count++
}

END {
    print "        .section .symbols, \"a\", @progbits"
    print "        .globl symbol_count, symbol_addresses, symbol_name_offsets, symbol_names"
    print "        .balign 4"
    print "symbol_count:"
    print "        .long " count
    print "symbol_addresses:"
    for (i = 0; i < count; i++) {
        print "        .long 0x" address[i]
    }
    print "symbol_name_offsets:"
    for (i = 0; i < count; i++) {
        print "        .long " offset[i]
    }
    print "symbol_names:"
    for (i = 0; i < count; i++) {
        print "        .asciz \"" name[i] "\""
    }
    print "        .section .note.GNU-stack, \"\", @progbits"
}
